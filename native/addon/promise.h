// Promises for the core's operations, and JavaScript's way to cancel them.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <utility>

#include "addon/environment.h"
#include "channel/operation.h"

namespace pcsc_bridge::addon {

// A promise together with the callback that settles it from any thread, once. Keeps the event loop alive
// until then, and `owner`, if given: the JavaScript object the operation works on.
template <class T>
struct Promised {
  Napi::Promise promise;
  std::function<void(Result<T>)> answer;
};

template <class T>
using Convert = std::function<Napi::Value(Napi::Env, T&)>;

template <class T>
Promised<T> MakePromise(
    Napi::Env env, Convert<T> convert, std::function<void()> release = [] {}) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  const std::shared_ptr<Dispatcher> dispatcher = Environment::Of(env).dispatcher;
  dispatcher->Expect(env);
  auto settle = [deferred, dispatcher, convert = std::move(convert), release = std::move(release)](
                    Napi::Env on, Result<T>& result) {
    dispatcher->Settle(on);
    release();
    if (result) {
      deferred.Resolve(convert(on, *result));
    } else {
      deferred.Reject(ToJs(on, result.error()));
    }
  };
  auto answer = [dispatcher, settle = std::move(settle)](Result<T> result) {
    auto shared = std::make_shared<Result<T>>(std::move(result));
    dispatcher->Post([settle, shared](Napi::Env on) { settle(on, *shared); });
  };
  return {deferred.Promise(), std::move(answer)};
}

template <class T, class Wrap>
Promised<T> MakePromise(Napi::Env env, Wrap& owner, Convert<T> convert) {
  owner.Ref();
  return MakePromise<T>(env, std::move(convert), [&owner] { owner.Unref(); });
}

// new Cancel(): given to an operation as its last argument; cancel() ends that operation, at once.
class CancelWrap : public Napi::ObjectWrap<CancelWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit CancelWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CancelWrap>(info) {}

  // Ties the operation to the Cancel in `value`, if there is one.
  static void Bind(const Napi::Value& value, std::weak_ptr<Cancellable> operation);

 private:
  void Cancel(const Napi::CallbackInfo& info);

  std::weak_ptr<Cancellable> operation_;
  bool cancelled_ = false;
};

}  // namespace pcsc_bridge::addon
