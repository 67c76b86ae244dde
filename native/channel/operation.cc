#include "channel/operation.h"

namespace pcsc_bridge {

void Operation::Cancel() {
  std::function<void()> abandon;
  bool never_ran = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ == Phase::kSettled) return;
    never_ran = phase_ == Phase::kQueued;
    if (phase_ == Phase::kCalling) {
      gave_up_in_call_ = true;
      abandon = abandon_;
    }
    phase_ = Phase::kSettled;
    changed_.notify_all();
  }
  // The channel is given up before the asker hears of it, so that it never uses it again.
  if (abandon) abandon();
  if (never_ran) DropWork();
  AnswerError(CancelledError());
}

bool Operation::WaitUntil(const std::function<bool()>& ready) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (phase_ == Phase::kSettled) return false;
  phase_ = Phase::kWaiting;
  changed_.wait(lock, [&] { return phase_ == Phase::kSettled || ready(); });
  if (phase_ == Phase::kSettled) return false;
  phase_ = Phase::kCalling;
  return true;
}

bool Operation::Sleep(std::chrono::microseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (phase_ == Phase::kSettled) return false;
  phase_ = Phase::kWaiting;
  changed_.wait_for(lock, time, [&] { return phase_ == Phase::kSettled; });
  if (phase_ == Phase::kSettled) return false;
  phase_ = Phase::kCalling;
  return true;
}

bool Operation::settled() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return phase_ == Phase::kSettled;
}

bool Operation::Glance(const std::function<void()>& call) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (phase_ == Phase::kSettled) return false;
    phase_ = Phase::kWaiting;
  }
  call();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ == Phase::kSettled) return false;
  phase_ = Phase::kCalling;
  return true;
}

void Operation::Notify() {
  const std::lock_guard<std::mutex> lock(mutex_);
  changed_.notify_all();
}

bool Operation::Start() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ != Phase::kQueued) return false;
  phase_ = Phase::kCalling;
  return true;
}

bool Operation::Unstart() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ != Phase::kCalling) return false;
  phase_ = Phase::kQueued;
  return true;
}

bool Operation::Finish() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ == Phase::kSettled) return false;
  phase_ = Phase::kSettled;
  return true;
}

void Operation::Refuse(Error error) {
  if (!Finish()) return;
  DropWork();
  AnswerError(std::move(error));
}

}  // namespace pcsc_bridge
