#include "loop/worker.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "loop/immortal.h"
#include "loop/thread.h"

namespace pcsc_bridge {
namespace {

constexpr std::chrono::seconds kIdleLife{5};

class Workers {
 public:
  bool Run(std::function<void()> task) {
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

  std::function<void()> NextTask() {
    Seat seat;
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.push_back(&seat);
    if (!seat.given.wait_for(lock, kIdleLife, [&] { return seat.task != nullptr; })) {
      idle_.erase(std::find(idle_.begin(), idle_.end(), &seat));
    }
    return std::move(seat.task);
  }

  std::mutex mutex_;
  std::vector<Seat*> idle_;
};

}  // namespace

bool RunOnWorker(std::function<void()> task) {
  static Immortal<Workers> workers;
  return workers->Run(std::move(task));
}

}  // namespace pcsc_bridge
