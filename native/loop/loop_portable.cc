// The loop's wait on systems without epoll: a condition variable, or the event loop that drives it.
#include "loop/loop.h"

namespace pcsc_bridge {

bool Loop::Open() {
  return true;
}

Loop::~Loop() = default;

void Loop::WakeUp() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_one();
  }
  if (wake_) wake_();
}

void Loop::TimersChanged() {
  // On its own thread it does not wait just now.
  if (wake_ && !running_) wake_();
}

std::optional<Loop::Clock::time_point> Loop::NextTimer() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

std::size_t Loop::RunPolled() {
  return 0;
}

void Loop::DropReady() {}

void Loop::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto posted = [this] { return !posted_.empty(); };
  if (const std::optional<Clock::time_point> timer = NextTimer()) {
    changed_.wait_until(lock, *timer, posted);
  } else {
    changed_.wait(lock, posted);
  }
}

}  // namespace pcsc_bridge
