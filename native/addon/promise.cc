#include "addon/promise.h"

namespace pcsc_bridge::addon {

void CancelToken::Bind(std::weak_ptr<Cancellable> operation) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    operation_ = operation;
    if (!cancelled_) return;
  }
  if (const std::shared_ptr<Cancellable> bound = operation.lock()) bound->Cancel();
}

void CancelToken::Cancel() {
  std::shared_ptr<Cancellable> bound;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    cancelled_ = true;
    bound = operation_.lock();
  }
  if (bound) bound->Cancel();
}

Napi::Function CancelWrap::Define(Napi::Env env) {
  return DefineClass(env, "Cancel", {InstanceMethod<&CancelWrap::Cancel>("cancel")});
}

std::shared_ptr<CancelToken> CancelWrap::TokenOf(const Napi::Value& value) {
  if (!value.IsObject()) return nullptr;
  return Unwrap(value.As<Napi::Object>())->token_;
}

void CancelWrap::Cancel(const Napi::CallbackInfo&) {
  token_->Cancel();
}

}  // namespace pcsc_bridge::addon
