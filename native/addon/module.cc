// The addon's entry: classes and functions, made anew for every JavaScript environment.
#include <napi.h>

#include <memory>

#include "addon/cache_wrap.h"
#include "addon/connection_wrap.h"
#include "addon/environment.h"
#include "addon/functions.h"
#include "addon/monitor_wrap.h"
#include "addon/promise.h"
#include "addon/session.h"
#include "addon/stay_loaded.h"

namespace pcsc_bridge::addon {
namespace {

// initialize(makeError, variables): once per environment, before anything else.
Napi::Value Initialize(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "makeError must be a function");
  if (!info[1].IsFunction()) throw Napi::TypeError::New(info.Env(), "variables must be a function");
  Environment::Of(info.Env()).make_error = Napi::Persistent(info[0].As<Napi::Function>());
  Environment::Of(info.Env()).variables = Napi::Persistent(info[1].As<Napi::Function>());
  return info.Env().Undefined();
}

// Hosts that run Node-API addons on another event loop than libuv's.
bool HasLibuv(Napi::Env env) {
  const Napi::Value process = env.Global().Get("process");
  if (!process.IsObject()) return true;
  const Napi::Value versions = process.As<Napi::Object>().Get("versions");
  if (!versions.IsObject()) return true;
  const auto has = [&](const char* host) { return !versions.As<Napi::Object>().Get(host).IsUndefined(); };
  return !has("bun") && !has("deno");
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  StayLoaded();
  auto environment = std::make_unique<Environment>();
  environment->queue = HasLibuv(env) ? MakeUvQueue(env) : MakeThreadsafeQueue(env);
  const Napi::Function connection = ConnectionWrap::Define(env);
  environment->connection_class = Napi::Persistent(connection);
  env.SetInstanceData(environment.release());  // deleted with the environment

  exports.Set("Cancel", CancelWrap::Define(env));
  exports.Set("CardCache", CacheWrap::Define(env));
  exports.Set("Connection", connection);
  exports.Set("Monitor", MonitorWrap::Define(env));
  exports.Set("Owner", OwnerWrap::Define(env));
  exports.Set("PipeServer", DefinePipeServer(env));
  exports.Set("backend", Napi::Function::New<ChosenBackend>(env, "backend"));
  exports.Set("daemonClients", Napi::Function::New<ListDaemonClients>(env, "daemonClients"));
  exports.Set("doctor", Napi::Function::New<Doctor>(env, "doctor"));
  exports.Set("filterSetting", Napi::Function::New<ReadFilter>(env, "filterSetting"));
  exports.Set("initialize", Napi::Function::New<Initialize>(env, "initialize"));
  exports.Set("isValid", Napi::Function::New<IsValid>(env, "isValid"));
  exports.Set("listReaderGroups", Napi::Function::New<ListReaderGroups>(env, "listReaderGroups"));
  exports.Set("listReaders", Napi::Function::New<ListReaders>(env, "listReaders"));
  exports.Set("libraryPath", Napi::Function::New<LibraryPath>(env, "libraryPath"));
  exports.Set("newSessionInstance", Napi::Function::New<NewInstance>(env, "newSessionInstance"));
  exports.Set("openPipe", Napi::Function::New<OpenPipeClient>(env, "openPipe"));
  exports.Set("peerOf", Napi::Function::New<PeerOf>(env, "peerOf"));
  exports.Set("peerUser", Napi::Function::New<PeerUser>(env, "peerUser"));
  exports.Set("readItem", Napi::Function::New<ReadItem>(env, "readItem"));
  exports.Set("sessionOf", Napi::Function::New<SessionOf>(env, "sessionOf"));
  exports.Set("setQuickAck", Napi::Function::New<SetQuickAck>(env, "setQuickAck"));
  exports.Set("usage", Napi::Function::New<ReadUsage>(env, "usage"));
  exports.Set("writeFilter", Napi::Function::New<WriteFilterSetting>(env, "writeFilter"));
  exports.Set("writeItem", Napi::Function::New<WriteItem>(env, "writeItem"));
  return exports;
}

}  // namespace
}  // namespace pcsc_bridge::addon

static Napi::Object InitModule(Napi::Env env, Napi::Object exports) {
  return pcsc_bridge::addon::Init(env, exports);
}
NODE_API_MODULE(pcsc_bridge, InitModule)
