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

// Begins at once. What `ask` uses must be its own: it may still run when everybody else has gone on.
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

  // Once. kTimeout when there is no answer by then, kNoMemory when it could not even be asked; `detail` says
  // so.
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
