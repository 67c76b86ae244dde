// Monitor in JavaScript: new Monitor((error, picture) => void), stop().
#pragma once

#include <napi.h>

#include <memory>

#include "channel/monitor.h"

namespace pcsc_bridge::addon {

// Keeps itself and the event loop alive until stop().
class MonitorWrap : public Napi::ObjectWrap<MonitorWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit MonitorWrap(const Napi::CallbackInfo& info);
  ~MonitorWrap() override;

 private:
  void Stop(const Napi::CallbackInfo& info);
  void Tell(Napi::Env env, Result<Monitor::Picture>& picture);

  std::shared_ptr<Monitor> monitor_;
  Napi::FunctionReference listener_;
};

}  // namespace pcsc_bridge::addon
