// A question that may hang, asked on a thread of its own and waited for no longer than a limit.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "loop/worker.h"
#include "pcsc/result.h"

namespace pcsc_bridge::doctor {

// Starts at once. `ask` must own everything it uses: it may still run after the caller has continued.
template <class T>
class Bounded {
 public:
  explicit Bounded(std::function<T()> ask) {
    state_->started = RunOnWorker([ask = std::move(ask), state = state_] {
      T answer = ask();
      const std::lock_guard<std::mutex> lock(state->mutex);
      state->answer.emplace(std::move(answer));
      state->answered.notify_all();
    });
  }

  // Call it once. kTimeout if there is no answer by then, kNoMemory if there is no thread for it; `detail`
  // says so.
  Result<T> WaitUntil(std::chrono::steady_clock::time_point limit) {
    std::unique_lock<std::mutex> lock(state_->mutex);
    if (!state_->started) {
      return NoThreadError();
    }
    if (!state_->answered.wait_until(lock, limit, [&] { return state_->answer.has_value(); })) {
      return Error{status::kTimeout, "doctor", "", "no answer in time"};
    }
    return std::move(*state_->answer);
  }

 private:
  struct State {
    bool started = false;
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<T> answer;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace pcsc_bridge::doctor
