#include "agent/deadlines.h"

#include "channel/worker.h"
#include "pcsc/immortal.h"

namespace pcsc_bridge::agent {

using std::chrono::steady_clock;

Deadlines& Deadlines::OfProcess() {
  static Immortal<Deadlines> deadlines;
  return *deadlines;
}

bool Deadlines::Add(std::chrono::milliseconds time, std::function<void()> call, Key& key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!running_) running_ = RunOnWorker([this] { Loop(); });
  if (!running_) return false;
  key = {steady_clock::now() + time, ++last_};
  calls_.emplace(key, std::move(call));
  changed_.notify_one();
  return true;
}

void Deadlines::Remove(const Key& key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  calls_.erase(key);
}

void Deadlines::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (calls_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = calls_.begin();
    const auto due = first->first.first;  // the entry may go while we wait
    if (steady_clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    const std::function<void()> call = std::move(first->second);
    calls_.erase(first);
    lock.unlock();
    call();
    lock.lock();
  }
}

}  // namespace pcsc_bridge::agent
