#include "addon/monitor_wrap.h"

#include <utility>

#include "addon/convert.h"
#include "addon/environment.h"
#include "backend/library/library.h"
#include "loop/worker.h"

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
                         InstanceMethod<&MonitorWrap::KeepLoopAlive>("ref"),
                         InstanceMethod<&MonitorWrap::ReleaseLoop>("unref"),
                     });
}

MonitorWrap::MonitorWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MonitorWrap>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "Monitor: the listener must be a function");
  BeforePcsc(env);
  // A stopped service is waited for; a missing library is an error at once.
  const Result<const Library*> library = Library::Load();
  if (!library) throw Napi::Error(env, ToJs(env, library.error()));
  const std::shared_ptr<Monitor> monitor = Monitor::OfProcess();
  if (!monitor) throw Napi::Error(env, ToJs(env, NoLoopError()));
  const std::shared_ptr<JsQueue> queue = Environment::Of(env).queue;
  loop_ = queue->loop();
  // `this` stays valid for every task that runs: Ref() holds it until stop(), and tasks queued before stop()
  // run before the object can be collected, or not at all.
  subscription_ = monitor->Subscribe(loop_, [this, queue](const Result<Monitor::Picture>& picture) {
    queue->Post(MakeJsTask([this, picture](Napi::Env on) { Tell(on, picture); }));
  });
  listener_ = Napi::Persistent(info[0].As<Napi::Function>());
  Expect(env, true);
  Ref();
}

MonitorWrap::~MonitorWrap() {
  if (subscription_) loop_->Execute([gone = std::move(subscription_)] {});
}

void MonitorWrap::Tell(Napi::Env env, const Result<Monitor::Picture>& picture) {
  if (listener_.IsEmpty()) return;
  if (picture) {
    listener_.Call({env.Null(), FromPicture(env, picture.value())});
  } else {
    listener_.Call({ToJs(env, picture.error()), env.Null()});
  }
}

void MonitorWrap::Stop(const Napi::CallbackInfo& info) {
  if (listener_.IsEmpty()) return;
  listener_.Reset();
  const std::shared_ptr<JsQueue> queue = Environment::Of(info.Env()).queue;
  Expect(info.Env(), false);
  // Queued reports find no listener; they must be delivered before this object is destroyed.
  loop_->Execute([gone = std::move(subscription_), queue, this]() mutable {
    gone = nullptr;
    queue->Post(MakeJsTask([this](Napi::Env) { Unref(); }));
  });
}

void MonitorWrap::KeepLoopAlive(const Napi::CallbackInfo& info) {
  if (!listener_.IsEmpty()) Expect(info.Env(), true);
}

void MonitorWrap::ReleaseLoop(const Napi::CallbackInfo& info) {
  Expect(info.Env(), false);
}

void MonitorWrap::Expect(Napi::Env env, bool expected) {
  if (expected_ == expected) return;
  expected_ = expected;
  JsQueue& queue = *Environment::Of(env).queue;
  if (expected) {
    queue.Expect();
  } else {
    queue.Settle();
  }
}

}  // namespace pcsc_bridge::addon
