#include "addon/environment.h"

#include <utility>

namespace pcsc_bridge::addon {
namespace {

// In a worker that is being terminated every call into JavaScript fails, telling of the failure included:
// nobody is there to hear it.
void RunTask(Napi::Env env, Task& task) {
  try {
    const Napi::HandleScope scope(env);
    try {
      task.Run(env);
    } catch (const Napi::Error& error) {
      napi_fatal_exception(env, error.Value());
    }
  } catch (const Napi::Error&) {
  }
}

}  // namespace

std::shared_ptr<Dispatcher> Dispatcher::Create(Napi::Env env) {
  auto dispatcher = std::make_shared<Dispatcher>();
  const Napi::String name = Napi::String::New(env, "pcsc-bridge");
  const napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, dispatcher.get(), Drain, &dispatcher->function_);
  NAPI_THROW_IF_FAILED(env, status, dispatcher);
  napi_unref_threadsafe_function(env, dispatcher->function_);
  // Hooks run last in, first out: this one before the function itself goes.
  napi_add_env_cleanup_hook(env, EndOfEnvironment, dispatcher.get());
  return dispatcher;
}

void Dispatcher::EndOfEnvironment(void* self) {
  auto* dispatcher = static_cast<Dispatcher*>(self);
  std::vector<std::shared_ptr<Task>> dropped;
  const std::lock_guard<std::mutex> lock(dispatcher->mutex_);
  dispatcher->function_ = nullptr;
  dropped.swap(dispatcher->tasks_);
}

void Dispatcher::Post(std::shared_ptr<Task> task) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (function_ == nullptr) return;
  tasks_.push_back(std::move(task));
  // One wake-up for all that come before JavaScript gets to them.
  if (tasks_.size() == 1) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void Dispatcher::Expect(Napi::Env env) {
  if (++expected_ == 1 && function_ != nullptr) napi_ref_threadsafe_function(env, function_);
}

void Dispatcher::Settle(Napi::Env env) {
  if (--expected_ == 0 && function_ != nullptr) napi_unref_threadsafe_function(env, function_);
}

void Dispatcher::Drain(napi_env env, napi_value, void* self, void*) {
  if (env != nullptr) static_cast<Dispatcher*>(self)->RunTasks(Napi::Env(env));
}

void Dispatcher::RunTasks(Napi::Env env) {
  std::vector<std::shared_ptr<Task>> tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const std::shared_ptr<Task>& task : tasks) RunTask(env, *task);
}

Napi::Value ToJs(Napi::Env env, const Error& error) {
  const StatusText text = Describe(error.code);
  Napi::Object failure = Napi::Object::New(env);
  failure.Set("code", text.name);
  failure.Set("value", Napi::Number::New(env, error.code));
  failure.Set("text", text.text);
  failure.Set("operation", error.operation);
  failure.Set("reader", error.reader);
  failure.Set("detail", error.detail);
  return Environment::Of(env).make_error.Call({failure});
}

}  // namespace pcsc_bridge::addon
