// The way from the core's threads to JavaScript.
#pragma once

#include <napi.h>
#include <uv.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

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

// Something on the environment's loop that has to be closed before the environment can end.
class LoopHandle {
 public:
  virtual ~LoopHandle() = default;
  virtual void Close() = 0;
};

// Brings answers from the core's threads to the environment's own thread. While answers are expected the
// event loop stays alive; otherwise the process may end at any time.
//
// It has a uv_async_t of its own and not a threadsafe function of Node-API: that one wakes the loop while it
// holds its lock, and the loop's thread, once awake, waits for just that lock (measured: 5 us of 20).
class Dispatcher {
 public:
  static std::shared_ptr<Dispatcher> Create(Napi::Env env);

  Dispatcher(Napi::Env env, uv_loop_t* loop);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Any thread. Dropped when the environment has ended.
  void Post(std::shared_ptr<Task> task);

  // The environment's thread, in a callback of its loop: does `work`, and then whatever was posted, by it or
  // by others, without another turn of the loop.
  void Collect(const std::function<void()>& work);

  // The environment's thread: these are closed when the environment ends, which waits until they are gone.
  uv_loop_t* loop() const { return wake_.loop; }
  void Add(LoopHandle& handle) { handles_.insert(&handle); }
  void Remove(LoopHandle& handle);

  // The environment's thread: one answer more, or less, to wait for.
  void Expect();
  void Settle();

 private:
  static void Drain(uv_async_t* wake);
  static void EndOfEnvironment(napi_async_cleanup_hook_handle hook, void* self);
  void RunTasks();
  void Close();
  void EndWhenClosed();
  // This thread is in Collect.
  bool Collects() const;

  const Napi::Env env_;
  std::optional<Napi::AsyncContext> context_;  // ends with the environment, whoever still holds us
  uv_async_t wake_;
  const std::thread::id thread_ = std::this_thread::get_id();  // the environment's
  bool collecting_ = false;
  bool wake_open_ = true;
  std::unordered_set<LoopHandle*> handles_;
  std::size_t expected_ = 0;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::shared_ptr<Dispatcher> self_;  // until the loop has let go of wake_

  std::mutex mutex_;  // guards tasks_ and open_
  std::vector<std::shared_ptr<Task>> tasks_;
  bool open_ = true;
  std::atomic<int> waking_{0};  // threads inside uv_async_send
};

}  // namespace pcsc_bridge::addon
