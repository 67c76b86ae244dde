// What a test waits for: a result that must arrive once, and moments in other threads.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "pcsc/result.h"

namespace pcsc_bridge::test {

// Longer than any result takes that does arrive.
inline constexpr std::chrono::seconds kPatience{60};

// Polls a condition that no event reports.
template <class Condition>
bool Eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

// An event that happens once in one thread and is waited for in another.
class Moment {
 public:
  void Come() {
    const std::lock_guard<std::mutex> lock(mutex_);
    come_ = true;
    changed_.notify_all();
  }
  bool WaitFor(std::chrono::milliseconds time) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return come_; });
  }
  void Wait() { REQUIRE(WaitFor(kPatience)); }
  bool come() { return WaitFor(std::chrono::milliseconds(0)); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool come_ = false;
};

// Receives the one result of an operation; a second one fails the test. May be destroyed before a late result
// arrives.
template <class T>
class Answer {
 public:
  std::function<void(Result<T>)> Take() {
    return [state = state_](Result<T> result) {
      {
        const std::lock_guard<std::mutex> lock(state->mutex);
        CHECK_FALSE(state->given);
        state->given = true;
        state->result.emplace(std::move(result));
      }
      state->moment.Come();
    };
  }
  // The result, once it has arrived.
  Result<T> Wait() {
    state_->moment.Wait();
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return std::move(*state_->result);
  }
  bool given() { return state_->moment.come(); }

 private:
  struct State {
    std::mutex mutex;
    bool given = false;
    std::optional<Result<T>> result;
    Moment moment;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace pcsc_bridge::test
