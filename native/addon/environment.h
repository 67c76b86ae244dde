// What the addon keeps per JavaScript environment (main thread, each worker).
#pragma once

#include <napi.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "pcsc/result.h"

namespace pcsc_bridge::addon {

// Something to do on the environment's thread.
class Task {
 public:
  virtual ~Task() = default;
  virtual void Run(Napi::Env env) = 0;
};

template <class Function>
class FunctionTask final : public Task {
 public:
  explicit FunctionTask(Function function) : function_(std::move(function)) {}
  void Run(Napi::Env env) override { function_(env); }

 private:
  Function function_;
};

template <class Function>
std::shared_ptr<Task> MakeTask(Function function) {
  return std::make_shared<FunctionTask<Function>>(std::move(function));
}

// Brings answers from the core's threads to the environment's own thread. While answers are expected the
// event loop stays alive; otherwise the process may end at any time.
class Dispatcher {
 public:
  static std::shared_ptr<Dispatcher> Create(Napi::Env env);

  // Any thread. Dropped when the environment has ended.
  void Post(std::shared_ptr<Task> task);

  // The environment's thread: one answer more, or less, to wait for.
  void Expect(Napi::Env env);
  void Settle(Napi::Env env);

 private:
  static void Drain(napi_env env, napi_value, void* self, void*);
  static void EndOfEnvironment(void* self);
  void RunTasks(Napi::Env env);

  std::mutex mutex_;
  std::vector<std::shared_ptr<Task>> tasks_;
  napi_threadsafe_function function_ = nullptr;  // null once the environment has ended
  std::size_t expected_ = 0;
};

// The environment's instance data.
struct Environment {
  std::shared_ptr<Dispatcher> dispatcher;
  Napi::FunctionReference make_error;  // (failure) => Error, from src/errors.ts
  Napi::FunctionReference channel_class;
  Napi::FunctionReference lease_class;

  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

// The JavaScript error for a failure.
Napi::Value ToJs(Napi::Env env, const Error& error);

}  // namespace pcsc_bridge::addon
