// One piece of work on a channel, and the licence to wait while doing it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "pcsc/result.h"

namespace pcsc_bridge {

class Connection;

// Something under way that its asker may give up. Thread safe; without effect once it has ended.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  virtual void Cancel() = 0;
};

// Two threads meet here. The asker may Cancel at any time: the operation is then answered at once with
// SCARD_E_CANCELLED. The channel's owner thread runs it, alternating between
//   calling: inside the PC/SC library, which nothing can end. A Cancel then abandons the whole channel;
//   waiting: in WaitUntil or Sleep, which a Cancel ends, the channel staying as good as before.
// It is answered exactly once, on whichever of the two threads ends it.
class Operation : public Cancellable, public std::enable_shared_from_this<Operation> {
 public:
  void Cancel() override;

  // Owner thread. False when cancelled: undo what was prepared and return CancelledError().
  bool WaitUntil(const std::function<bool()>& ready);
  bool Sleep(std::chrono::microseconds time);
  // The same for a call into the library that does not wait, such as a look whether a card is free: a Cancel
  // meanwhile ends the operation and leaves the channel as it is.
  bool Glance(const std::function<void()>& call);
  // Any thread: has WaitUntil look at its condition again.
  void Notify();
  // Any thread: it has been answered. For the work itself that means given up: no further call into the
  // library.
  bool settled();
  // The asker may give it up; otherwise only the closing of its channel does.
  bool revocable() const { return revocable_; }

  static Error CancelledError() { return Error{status::kCancelled, "cancel", "", ""}; }

 protected:
  explicit Operation(bool revocable = true) : revocable_(revocable) {}
  // Owner thread: true when the work may start / when its answer is to be given.
  bool Start();
  // Back to where it was before Start. False when it was cancelled meanwhile.
  bool Unstart();
  bool Finish();
  // The one answer of an operation that was cancelled or refused.
  virtual void AnswerError(Error error) = 0;

 private:
  friend class Channel;
  enum class Phase { kQueued, kCalling, kWaiting, kSettled };

  // Owner thread. Does the work; true when GiveAnswer is to follow, false when somebody has answered already.
  virtual bool DoWork(Connection& connection) = 0;
  virtual void GiveAnswer() = 0;
  virtual void DropWork() = 0;  // of an operation that will never run
  // Cancelled inside the library: what the work did arrived too late and is to be undone.
  bool gave_up_in_call() const { return gave_up_in_call_; }
  void Refuse(Error error);  // answers an operation that never ran

  const bool revocable_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::kQueued;
  std::function<void()> abandon_;  // set by the channel; gives it up
  std::atomic<bool> gave_up_in_call_{false};
};

// An operation whose work yields a T.
template <class T>
class OperationOf final : public Operation {
 public:
  using Work = std::function<Result<T>(Connection&, Operation&)>;
  using Answer = std::function<void(Result<T>)>;

  OperationOf(Work work, Answer answer, bool revocable = true)
      : Operation(revocable), work_(std::move(work)), answer_(std::move(answer)) {}

 private:
  friend class Channel;
  bool DoWork(Connection& connection) override {
    if (!Start()) return false;
    result_.emplace(work_(connection, *this));
    work_ = nullptr;  // frees (and wipes) what it carried before anybody hears of the end
    return Finish();
  }
  void GiveAnswer() override { Give(std::move(*result_)); }
  bool Conclude(Result<T> result) {
    result_.emplace(std::move(result));
    work_ = nullptr;
    return Finish();
  }
  void DropWork() override { work_ = nullptr; }
  void AnswerError(Error error) override { Give(std::move(error)); }
  // What the answer carries goes with it, however long somebody holds on to the operation.
  void Give(Result<T>&& result) { std::exchange(answer_, nullptr)(std::move(result)); }

  Work work_;
  Answer answer_;
  std::optional<Result<T>> result_;
};

}  // namespace pcsc_bridge
