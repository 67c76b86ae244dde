// Passes tasks from the core to the environment's own thread.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "loop/scope.h"

namespace pcsc_bridge::addon {

// Something to do on the environment's thread.
class JsTask {
 public:
  virtual ~JsTask() = default;
  virtual void Run(Napi::Env env) = 0;
};

template <class Function>
class JsFunctionTask final : public JsTask {
 public:
  explicit JsFunctionTask(Function function) : function_(std::move(function)) {}
  void Run(Napi::Env env) override { function_(env); }

 private:
  Function function_;
};

template <class Function>
std::shared_ptr<JsTask> MakeJsTask(Function function) {
  return std::make_shared<JsFunctionTask<Function>>(std::move(function));
}

// One per environment; it also provides the core's loop for the environment. There are two kinds.
// MakeUvQueue: the environment's libuv loop drives the core's loop, so that an answer does not change
// threads. MakeThreadsafeQueue: for hosts without libuv's functions (Bun, Deno), the core's loop is the
// loop of the process, on a thread of its own.
class JsQueue : public std::enable_shared_from_this<JsQueue> {
 public:
  virtual ~JsQueue() = default;
  JsQueue(const JsQueue&) = delete;
  JsQueue& operator=(const JsQueue&) = delete;

  // The part of the core that belongs to this environment.
  const std::shared_ptr<Scope>& scope() const { return scope_; }
  const std::shared_ptr<Loop>& loop() const { return scope_->loop(); }

  // Any thread. Dropped when the environment has ended.
  void Post(std::shared_ptr<JsTask> task);

  // The environment's thread: one more, or one less, pending answer. While answers are pending the event
  // loop stays alive; otherwise the process may end at any time.
  void Expect();
  void Settle();

 protected:
  explicit JsQueue(std::shared_ptr<Scope> scope) : scope_(std::move(scope)) {}

  // Any thread: requests a call of RunTasks. No call comes after Shut has returned.
  virtual void Wake() = 0;
  // Any thread: calls Wake unless it is too late.
  void WakeInTime();
  virtual void KeepAlive(bool alive) = 0;
  // The environment's thread is about to call RunTasks, so it need not be woken.
  virtual bool ComesByItself() const { return false; }

  void RunTasks(Napi::Env env);
  bool HasTasks();
  // Rejects further tasks and drops pending ones.
  void Shut();

 private:
  const std::shared_ptr<Scope> scope_;
  std::size_t expected_ = 0;
  std::mutex mutex_;  // guards tasks_ and open_
  std::vector<std::shared_ptr<JsTask>> tasks_;
  bool open_ = true;
  std::atomic<int> waking_{0};  // threads inside Wake
};

// Both throw if the host lacks what they need.
std::shared_ptr<JsQueue> MakeUvQueue(Napi::Env env);
std::shared_ptr<JsQueue> MakeThreadsafeQueue(Napi::Env env);

}  // namespace pcsc_bridge::addon
