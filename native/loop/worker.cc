#include "loop/worker.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "loop/immortal.h"
#include "loop/thread.h"

namespace pcsc_bridge {
namespace {

constexpr std::chrono::seconds kIdleLife{5};

std::atomic<int> refusals{0};  // RefuseThreads: how many more; negative for no end

bool Refuses() {
  int left = refusals;
  while (left > 0 && !refusals.compare_exchange_weak(left, left - 1)) {
  }
  return left != 0;
}

class Workers {
 public:
  bool Run(std::function<void()> task) {
    if (Refuses()) return false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        Seat* seat = idle_.back();
        idle_.pop_back();
        seat->task = std::move(task);
        seat->given.notify_one();
        return true;
      }
    }
    return platform::StartThread([this, task = std::move(task)]() mutable { Loop(std::move(task)); });
  }

  void RunWhenPossible(std::function<void()> task) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      overdue_.push_back(std::move(task));
    }
    // Runs it, or one that has waited longer.
    (void)Run([this] { RunOverdue(); });
  }

 private:
  // Where a free thread waits; lives on that thread's stack.
  struct Seat {
    std::condition_variable given;
    std::function<void()> task;
  };

  void Loop(std::function<void()> task) {
    while (task) {
      task();
      task = nullptr;
      task = NextTask();
    }
  }

  void RunOverdue() {
    std::function<void()> task;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (overdue_.empty()) return;
      task = std::move(overdue_.front());
      overdue_.pop_front();
    }
    task();
  }

  std::function<void()> NextTask() {
    Seat seat;
    std::unique_lock<std::mutex> lock(mutex_);
    if (!overdue_.empty()) {
      std::function<void()> task = std::move(overdue_.front());
      overdue_.pop_front();
      return task;
    }
    idle_.push_back(&seat);
    if (!seat.given.wait_for(lock, kIdleLife, [&] { return seat.task != nullptr; })) {
      idle_.erase(std::find(idle_.begin(), idle_.end(), &seat));
    }
    return std::move(seat.task);
  }

  std::mutex mutex_;
  std::vector<Seat*> idle_;
  std::deque<std::function<void()>> overdue_;  // no thread could be had for them
};

Workers& OfProcess() {
  static Immortal<Workers> workers;
  return *workers;
}

}  // namespace

bool RunOnWorker(std::function<void()> task) {
  return OfProcess().Run(std::move(task));
}

void RunOnWorkerWhenPossible(std::function<void()> task) {
  OfProcess().RunWhenPossible(std::move(task));
}

Error NoThreadError() {
  return Error{status::kNoMemory, "thread", "",
               "the system has no free thread: raise the user's limit of processes (ulimit -u) or, for a "
               "service of systemd, TasksMax"};
}

Error NoLoopError() {
  return Error{status::kNoMemory, "event loop", "",
               "the system has no free thread or file descriptor: raise the limits of processes (ulimit "
               "-u, TasksMax of systemd) and of descriptors (ulimit -n, LimitNOFILE of systemd)"};
}

RefuseThreads::RefuseThreads(int times) {
  refusals = times;
}

RefuseThreads::~RefuseThreads() {
  refusals = 0;
}

}  // namespace pcsc_bridge
