#include "addon/dispatcher.h"

#include <thread>

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
  uv_loop_t* loop = nullptr;
  const napi_status status = napi_get_uv_event_loop(env, &loop);
  if (status != napi_ok) throw Napi::Error::New(env, "pcsc-bridge: this environment has no event loop");
  auto dispatcher = std::make_shared<Dispatcher>(env, loop);
  dispatcher->self_ = dispatcher;
  return dispatcher;
}

Dispatcher::Dispatcher(Napi::Env env, uv_loop_t* loop)
    : env_(env), context_(std::in_place, env, "pcsc-bridge") {
  if (uv_async_init(loop, &wake_, Drain) != 0) {
    throw Napi::Error::New(env, "pcsc-bridge: the event loop takes no more handles");
  }
  wake_.data = this;
  uv_unref(reinterpret_cast<uv_handle_t*>(&wake_));
  napi_add_async_cleanup_hook(env, EndOfEnvironment, this, &hook_);
}

void Dispatcher::EndOfEnvironment(napi_async_cleanup_hook_handle, void* self) {
  static_cast<Dispatcher*>(self)->Close();
}

void Dispatcher::Close() {
  std::vector<std::shared_ptr<Task>> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = false;
    dropped.swap(tasks_);
  }
  // Nobody may be waking the handle when it goes; a wake-up takes microseconds.
  while (waking_ != 0) std::this_thread::yield();
  context_.reset();
  for (LoopHandle* handle : handles_) handle->Close();
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), [](uv_handle_t* handle) {
    auto* dispatcher = static_cast<Dispatcher*>(handle->data);
    dispatcher->wake_open_ = false;
    dispatcher->EndWhenClosed();
  });
}

void Dispatcher::Remove(LoopHandle& handle) {
  handles_.erase(&handle);
  EndWhenClosed();
}

void Dispatcher::EndWhenClosed() {
  if (wake_open_ || !handles_.empty()) return;
  napi_remove_async_cleanup_hook(hook_);
  self_.reset();
}

bool Dispatcher::Collects() const {
  return std::this_thread::get_id() == thread_ && collecting_;
}

void Dispatcher::Collect(const std::function<void()>& work) {
  collecting_ = true;
  work();
  collecting_ = false;
  RunTasks();
}

void Dispatcher::Post(std::shared_ptr<Task> task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!open_) return;
    tasks_.push_back(std::move(task));
    // One wake-up for all that come before JavaScript gets to them.
    if (tasks_.size() > 1 || Collects()) return;
    ++waking_;
  }
  uv_async_send(&wake_);
  --waking_;
}

void Dispatcher::Expect() {
  if (++expected_ == 1) uv_ref(reinterpret_cast<uv_handle_t*>(&wake_));
}

void Dispatcher::Settle() {
  if (--expected_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&wake_));
}

void Dispatcher::Drain(uv_async_t* wake) {
  static_cast<Dispatcher*>(wake->data)->RunTasks();
}

void Dispatcher::RunTasks() {
  std::vector<std::shared_ptr<Task>> tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks.swap(tasks_);
  }
  if (tasks.empty()) return;
  try {
    const Napi::HandleScope scope(env_);
    // Runs the microtasks, and with them what awaits the answers, when it goes.
    const Napi::CallbackScope callbacks(env_, *context_);
    for (const std::shared_ptr<Task>& task : tasks) RunTask(env_, *task);
  } catch (const Napi::Error&) {
    // The environment is being terminated.
  }
}

}  // namespace pcsc_bridge::addon
