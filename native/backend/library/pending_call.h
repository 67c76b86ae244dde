// One call of a library client, between its loop and the worker thread that makes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "backend/backend.h"

namespace pcsc_bridge::backend {

// The loop's thread may give it up at any time. The worker makes it, alternating between
//   calling: inside the library, which nothing can end;
//   waiting: from Pause or Ask to Proceed, where giving the call up ends it without any effect.
class PendingCall : public std::enable_shared_from_this<PendingCall> {
 public:
  // `answer` is called, and goes, on the loop's thread.
  PendingCall(const std::shared_ptr<Loop>& loop, Call call, Answer answer);

  // --- The loop's thread. ---

  Client::After GiveUp();
  // Answers a call that never ran, from the loop, later.
  void Refuse(Error error);

  // --- The worker. ---

  // What to call; nothing if the call has been given up. Once. It is then in the phase "calling".
  std::optional<Call> Take();
  // True if it has been given up: no further call into the library but those that undo.
  bool given_up();
  // Sleeps. False if the call has been given up.
  bool Pause(std::chrono::microseconds time);
  // Asks the library something that does not wait. False if the call has been given up meanwhile.
  bool Ask(const std::function<void()>& question);
  // Back from waiting to calling. False if the call has been given up.
  bool Proceed();
  // Another process has the card: reported once, see Disconnect::waits.
  void ReportWait();
  // The end; what was called must be gone by now. The outcome is dropped if the call has been given up.
  void Finish(Outcome outcome);

 private:
  enum class Phase { kQueued, kCalling, kWaiting, kDone, kGivenUp };

  bool EnterUnlessGivenUp(Phase phase);  // under the lock

  const std::weak_ptr<Loop> loop_;
  const bool only_asks_;  // changes nothing: a call that has ended may be given up without a trace

  // The loop's thread.
  Answer answer_;  // null once called, or given up
  std::function<void()> waits_;

  std::mutex mutex_;
  std::condition_variable given_up_;
  Phase phase_ = Phase::kQueued;
  std::optional<Call> call_;
};

}  // namespace pcsc_bridge::backend
