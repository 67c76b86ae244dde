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
//   calling: inside the library, which cannot be interrupted;
//   waiting: in WaitUntil, where giving the call up ends it without any effect.
class PendingCall : public std::enable_shared_from_this<PendingCall> {
 public:
  // `answer` is called, and goes, on the loop's thread.
  PendingCall(const std::shared_ptr<Loop>& loop, Call call, Answer answer);

  // --- The loop's thread. ---

  Client::After GiveUp();
  // True if it has been answered or given up.
  bool settled() const { return answer_ == nullptr; }
  // Answers a call that never ran, from the loop, later.
  void Refuse(Error error);

  // --- The worker. ---

  // Returns what to call; no value if the call has been given up. Once. The phase is then "calling".
  std::optional<Call> Take();
  // True if it has been given up: make no further calls into the library except those that undo.
  bool given_up();
  // Waits until `is_free` reports that no other process has the card: it polls the library, which does not
  // wait, with pauses in between. Reports the first pause (Disconnect::waits). False if the call has been
  // given up.
  bool WaitUntil(const std::function<bool()>& is_free);
  // Another process had the card.
  void NoteWait() { waited_ = true; }
  bool has_waited() const { return waited_; }
  // Ends the call; the function that was called must be destroyed by now. The outcome is dropped if the
  // call has been given up.
  void Finish(Outcome outcome);

 private:
  enum class Phase { kQueued, kCalling, kWaiting, kDone, kGivenUp };

  bool EnterUnlessGivenUp(Phase phase);
  void ReportWait();

  const std::weak_ptr<Loop> loop_;
  const bool only_asks_;  // changes nothing: a call that has ended may be given up without a trace

  // The loop's thread.
  Answer answer_;  // null once called, or given up
  std::function<void()> waits_;

  bool waited_ = false;  // the worker's

  std::mutex mutex_;
  std::condition_variable given_up_;
  Phase phase_ = Phase::kQueued;
  std::optional<Call> call_;
};

}  // namespace pcsc_bridge::backend
