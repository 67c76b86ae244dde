// Promises for the core's operations, and JavaScript's way to cancel them.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "addon/environment.h"
#include "loop/cancellable.h"
#include "loop/worker.h"

namespace pcsc_bridge::addon {

// Converts a value to JavaScript; may move from the value.
template <class T>
using Convert = Napi::Value (*)(Napi::Env, T&);

// For operations that answer with nothing.
inline Napi::Value Undefined(Napi::Env env, Done&) {
  return env.Undefined();
}

// A pending promise: made and settled on the environment's thread, answered once, from any thread. Until
// then it keeps alive the event loop, and the JavaScript object that the operation works on.
template <class T>
class Pending final : public JsTask, public std::enable_shared_from_this<Pending<T>> {
 public:
  using Owner = Napi::Reference<Napi::Object>;

  Pending(Napi::Env env, Convert<T> convert, Owner* owner)
      : deferred_(Napi::Promise::Deferred::New(env)),
        queue_(Environment::Of(env).queue),
        convert_(convert),
        owner_(owner) {
    queue_->Expect();
    if (owner_ != nullptr) owner_->Ref();
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Answer(Result<T> result) {
    result_.emplace(std::move(result));
    queue_->Post(this->shared_from_this());
  }

  void Run(Napi::Env env) override {
    queue_->Settle();
    if (owner_ != nullptr) owner_->Unref();
    if (*result_) {
      deferred_.Resolve(convert_(env, **result_));
    } else {
      deferred_.Reject(ToJs(env, result_->error()));
    }
  }

 private:
  const Napi::Promise::Deferred deferred_;
  const std::shared_ptr<JsQueue> queue_;
  const Convert<T> convert_;
  Owner* const owner_;  // kept by its reference count
  std::optional<Result<T>> result_;
};

// A promise together with the callback that answers it.
template <class T>
struct Promised {
  Napi::Promise promise;
  std::function<void(Result<T>)> answer;
};

template <class T>
Promised<T> MakePromise(Napi::Env env, Convert<T> convert, typename Pending<T>::Owner* owner = nullptr) {
  const auto pending = std::make_shared<Pending<T>>(env, convert, owner);
  return {pending->promise(), [pending](Result<T> result) { pending->Answer(std::move(result)); }};
}

// Runs a blocking question on a worker thread, and settles the promise with its result.
template <class T>
void AnswerOnWorker(const Promised<T>& promised, std::function<Result<T>()> ask) {
  const auto work = [ask = std::move(ask), answer = promised.answer] { answer(ask()); };
  if (!RunOnWorker(work)) promised.answer(NoThreadError());
}

// Connects an operation and its Cancel in JavaScript: either may come first, on different threads.
class CancelToken {
 public:
  void Bind(std::weak_ptr<Cancellable> operation);
  void Cancel();

 private:
  std::mutex mutex_;
  std::weak_ptr<Cancellable> operation_;
  bool cancelled_ = false;
};

// new Cancel(): given to an operation as its last argument; cancel() ends that operation, at once.
class CancelWrap : public Napi::ObjectWrap<CancelWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit CancelWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CancelWrap>(info) {}

  // The state of the Cancel in `value`; null if there is none.
  static std::shared_ptr<CancelToken> TokenOf(const Napi::Value& value);

 private:
  void Cancel(const Napi::CallbackInfo& info);

  const std::shared_ptr<CancelToken> token_ = std::make_shared<CancelToken>();
};

}  // namespace pcsc_bridge::addon
