#include "addon/monitor_wrap.h"

#include <utility>

#include "addon/convert.h"
#include "addon/environment.h"

namespace pcsc_bridge::addon {
namespace {

Napi::Value FromPicture(Napi::Env env, const Monitor::Picture& picture) {
  Napi::Array readers = Napi::Array::New(env, picture.size());
  for (std::uint32_t i = 0; i < picture.size(); ++i) {
    Napi::Object reader = Napi::Object::New(env);
    reader.Set("reader", picture[i].reader);
    reader.Set("state", picture[i].state);
    reader.Set("eventCount", picture[i].event_count);
    reader.Set("atr", FromBytes(env, picture[i].atr));
    readers.Set(i, reader);
  }
  return readers;
}

}  // namespace

Napi::Function MonitorWrap::Define(Napi::Env env) {
  return DefineClass(env, "Monitor",
                     {
                         InstanceMethod<&MonitorWrap::Stop>("stop"),
                         InstanceMethod<&MonitorWrap::KeepAlive>("ref"),
                         InstanceMethod<&MonitorWrap::LetGo>("unref"),
                     });
}

MonitorWrap::MonitorWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MonitorWrap>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "Monitor: the listener must be a function");
  const Result<const Library*> library = Library::Load();
  if (!library) throw Napi::Error(env, ToJs(env, library.error()));
  const std::shared_ptr<Dispatcher> dispatcher = Environment::Of(env).dispatcher;
  // `this` stays valid for every task that runs: Ref() holds it until stop(), and tasks queued before stop()
  // run before the object can be collected, or not at all.
  monitor_ = Monitor::Start(*library.value(), [this, dispatcher](Result<Monitor::Picture> picture) {
    auto shared = std::make_shared<Result<Monitor::Picture>>(std::move(picture));
    dispatcher->Post(MakeTask([this, shared](Napi::Env on) { Tell(on, *shared); }));
  });
  if (!monitor_) {
    throw Napi::Error(env,
                      ToJs(env, Error{status::kNoMemory, "thread", "", "the system has no thread to give"}));
  }
  listener_ = Napi::Persistent(info[0].As<Napi::Function>());
  Expect(env, true);
  Ref();
}

MonitorWrap::~MonitorWrap() {
  if (monitor_) monitor_->Stop();
}

void MonitorWrap::Tell(Napi::Env env, Result<Monitor::Picture>& picture) {
  if (listener_.IsEmpty()) return;
  if (picture) {
    listener_.Call({env.Null(), FromPicture(env, *picture)});
  } else {
    listener_.Call({ToJs(env, picture.error()), env.Null()});
  }
}

void MonitorWrap::Stop(const Napi::CallbackInfo& info) {
  if (listener_.IsEmpty()) return;
  listener_.Reset();
  monitor_->Stop();
  const std::shared_ptr<Dispatcher> dispatcher = Environment::Of(info.Env()).dispatcher;
  Expect(info.Env(), false);
  // Reports already on their way find the listener gone; let them pass before this object may go.
  dispatcher->Post(MakeTask([this](Napi::Env) { Unref(); }));
}

void MonitorWrap::KeepAlive(const Napi::CallbackInfo& info) {
  if (!listener_.IsEmpty()) Expect(info.Env(), true);
}

void MonitorWrap::LetGo(const Napi::CallbackInfo& info) {
  Expect(info.Env(), false);
}

void MonitorWrap::Expect(Napi::Env env, bool expected) {
  if (expected_ == expected) return;
  expected_ = expected;
  const std::shared_ptr<Dispatcher> dispatcher = Environment::Of(env).dispatcher;
  if (expected) {
    dispatcher->Expect();
  } else {
    dispatcher->Settle();
  }
}

}  // namespace pcsc_bridge::addon
