#include "loop/deadlines.h"

#include "loop/immortal.h"
#include "loop/worker.h"

namespace pcsc_bridge {

using std::chrono::steady_clock;

Deadlines& Deadlines::OfProcess() {
  static Immortal<Deadlines> deadlines;
  return *deadlines;
}

std::optional<Deadlines::Key> Deadlines::Add(std::chrono::milliseconds time, std::function<void()> call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!running_) running_ = RunOnWorker([this] { Loop(); });
  if (!running_) return std::nullopt;
  const Key key{steady_clock::now() + time, ++last_};
  calls_.emplace(key, std::move(call));
  if (key.first < next_look_) sooner_.notify_one();
  return key;
}

void Deadlines::Remove(const Key& key) {
  std::function<void()> removed;  // goes when the lock has gone
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = calls_.find(key);
  if (found == calls_.end()) return;
  removed = std::move(found->second);
  calls_.erase(found);
}

void Deadlines::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!calls_.empty()) {
    const auto first = calls_.begin();
    next_look_ = first->first.first;
    if (steady_clock::now() < next_look_) {
      const Time until = next_look_;  // it changes while we wait
      sooner_.wait_until(lock, until);
      continue;
    }
    const std::function<void()> call = std::move(first->second);
    calls_.erase(first);
    lock.unlock();
    call();
    lock.lock();
  }
  running_ = false;
}

}  // namespace pcsc_bridge
