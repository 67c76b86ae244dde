#include "addon/js_queue.h"

#include <thread>

namespace pcsc_bridge::addon {
namespace {

// In a worker that is being terminated, every call into JavaScript fails, including the report of the
// failure.
void RunTask(Napi::Env env, JsTask& task) {
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

void JsQueue::Post(std::shared_ptr<JsTask> task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!open_) return;
    tasks_.push_back(std::move(task));
    // One wake-up for all tasks that are posted before JavaScript runs them.
    if (tasks_.size() > 1 || ComesByItself()) return;
    ++waking_;
  }
  Wake();
  --waking_;
}

void JsQueue::WakeInTime() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!open_) return;
    ++waking_;
  }
  Wake();
  --waking_;
}

void JsQueue::Expect() {
  if (++expected_ == 1) KeepAlive(true);
}

void JsQueue::Settle() {
  if (--expected_ == 0) KeepAlive(false);
}

bool JsQueue::HasTasks() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !tasks_.empty();
}

void JsQueue::RunTasks(Napi::Env env) {
  std::vector<std::shared_ptr<JsTask>> tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const std::shared_ptr<JsTask>& task : tasks) RunTask(env, *task);
}

void JsQueue::Shut() {
  std::vector<std::shared_ptr<JsTask>> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = false;
    dropped.swap(tasks_);
  }
  // A wake-up takes microseconds.
  while (waking_ != 0) std::this_thread::yield();
}

}  // namespace pcsc_bridge::addon
