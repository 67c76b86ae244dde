#include "addon/promise.h"

namespace pcsc_bridge::addon {

Napi::Function CancelWrap::Define(Napi::Env env) {
  return DefineClass(env, "Cancel", {InstanceMethod<&CancelWrap::Cancel>("cancel")});
}

void CancelWrap::Bind(const Napi::Value& value, std::weak_ptr<Cancellable> operation) {
  if (!value.IsObject()) return;
  CancelWrap* wrap = Unwrap(value.As<Napi::Object>());
  wrap->operation_ = std::move(operation);
  if (!wrap->cancelled_) return;
  if (const std::shared_ptr<Cancellable> bound = wrap->operation_.lock()) bound->Cancel();
}

void CancelWrap::Cancel(const Napi::CallbackInfo&) {
  cancelled_ = true;
  if (const std::shared_ptr<Cancellable> bound = operation_.lock()) bound->Cancel();
}

}  // namespace pcsc_bridge::addon
