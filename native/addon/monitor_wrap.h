// The process's monitor in JavaScript: new Monitor((error, picture) => void), stop(), ref(), unref().
#pragma once

#include <napi.h>

#include <memory>

#include "readers/monitor.h"

namespace pcsc_bridge::addon {

// Keeps itself alive until stop(), and the event loop unless unref() says otherwise.
class MonitorWrap : public Napi::ObjectWrap<MonitorWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit MonitorWrap(const Napi::CallbackInfo& info);
  ~MonitorWrap() override;

 private:
  void Stop(const Napi::CallbackInfo& info);
  void KeepLoopAlive(const Napi::CallbackInfo& info);
  void ReleaseLoop(const Napi::CallbackInfo& info);
  void Expect(Napi::Env env, bool expected);
  void Tell(Napi::Env env, const Result<Monitor::Picture>& picture);

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<Monitor::Subscription> subscription_;
  Napi::FunctionReference listener_;
  bool expected_ = false;  // it keeps the event loop alive
};

}  // namespace pcsc_bridge::addon
