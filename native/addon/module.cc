// The addon's entry: classes and functions, made anew for every JavaScript environment.
#include <napi.h>

#include <memory>

#include "addon/cache_wrap.h"
#include "addon/channel_wrap.h"
#include "addon/doctor.h"
#include "addon/environment.h"
#include "addon/items.h"
#include "addon/monitor_wrap.h"
#include "addon/pin.h"
#include "addon/pipe_server.h"
#include "addon/promise.h"
#include "addon/session.h"
#include "addon/socket.h"
#include "backend/library/library.h"

namespace pcsc_bridge::addon {
namespace {

// initialize(makeError): once per environment, before anything else.
Napi::Value Initialize(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "makeError must be a function");
  Environment::Of(info.Env()).make_error = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

// libraryPath(): loads the PC/SC library; throws where there is none.
Napi::Value LibraryPath(const Napi::CallbackInfo& info) {
  const Result<const Library*> library = Library::Load();
  if (!library) throw Napi::Error(info.Env(), ToJs(info.Env(), library.error()));
  return Napi::String::New(info.Env(), library.value()->path);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  StayLoaded();
  auto environment = std::make_unique<Environment>();
  environment->dispatcher = Dispatcher::Create(env);
  const Napi::Function channel = ChannelWrap::Define(env);
  const Napi::Function lease = LeaseWrap::Define(env);
  environment->channel_class = Napi::Persistent(channel);
  environment->lease_class = Napi::Persistent(lease);
  env.SetInstanceData(environment.release());  // deleted with the environment

  exports.Set("Cancel", CancelWrap::Define(env));
  exports.Set("CardCache", CacheWrap::Define(env));
  exports.Set("Channel", channel);
  exports.Set("Monitor", MonitorWrap::Define(env));
  exports.Set("PipeServer", DefinePipeServer(env));
  exports.Set("doctor", Napi::Function::New<Doctor>(env, "doctor"));
  exports.Set("filterSetting", Napi::Function::New<ReadFilter>(env, "filterSetting"));
  exports.Set("initialize", Napi::Function::New<Initialize>(env, "initialize"));
  exports.Set("libraryPath", Napi::Function::New<LibraryPath>(env, "libraryPath"));
  exports.Set("openPipe", Napi::Function::New<OpenPipeClient>(env, "openPipe"));
  exports.Set("peerOf", Napi::Function::New<PeerOf>(env, "peerOf"));
  exports.Set("readItem", Napi::Function::New<ReadItem>(env, "readItem"));
  exports.Set("sessionOf", Napi::Function::New<SessionOf>(env, "sessionOf"));
  exports.Set("setQuickAck", Napi::Function::New<SetQuickAck>(env, "setQuickAck"));
  exports.Set("writeFilter", Napi::Function::New<WriteFilterSetting>(env, "writeFilter"));
  exports.Set("writeItem", Napi::Function::New<WriteItem>(env, "writeItem"));
  return exports;
}

NODE_API_MODULE(pcsc_bridge, Init)

}  // namespace
}  // namespace pcsc_bridge::addon
