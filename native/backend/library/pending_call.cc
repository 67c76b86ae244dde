#include "backend/library/pending_call.h"

#include <algorithm>
#include <utility>

#include "backend/back_off.h"

namespace pcsc_bridge::backend {
namespace {

bool OnlyAsks(const Call& call) {
  return std::holds_alternative<ListReaders>(call) || std::holds_alternative<ListReaderGroups>(call) ||
         std::holds_alternative<CheckContext>(call) || std::holds_alternative<Status>(call) ||
         std::holds_alternative<GetAttribute>(call);
}

void Drop(Outcome& outcome) {
  if (outcome) Wipe(outcome->bytes);
}

}  // namespace

PendingCall::PendingCall(const std::shared_ptr<Loop>& loop, Call call, Answer answer)
    : loop_(loop), only_asks_(OnlyAsks(call)), answer_(std::move(answer)) {
  // It belongs to the loop's thread.
  if (auto* disconnect = std::get_if<Disconnect>(&call)) waits_ = std::exchange(disconnect->waits, nullptr);
  call_.emplace(std::move(call));
}

Client::After PendingCall::GiveUp() {
  if (!answer_) return Client::After::kUsable;
  const Answer dropped = std::exchange(answer_, nullptr);
  waits_ = nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  call_.reset();
  const Phase before = std::exchange(phase_, Phase::kGivenUp);
  given_up_.notify_all();
  const bool has_effect = before == Phase::kCalling || (before == Phase::kDone && !only_asks_);
  return has_effect ? Client::After::kLost : Client::After::kUsable;
}

void PendingCall::Refuse(Error error) {
  (void)Take();
  Finish(std::move(error));
}

std::optional<Call> PendingCall::Take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ != Phase::kQueued) return std::nullopt;
  phase_ = Phase::kCalling;
  return std::exchange(call_, std::nullopt);
}

bool PendingCall::given_up() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return phase_ == Phase::kGivenUp;
}

bool PendingCall::WaitUntil(const std::function<bool()>& is_free) {
  for (BackOff back_off;;) {
    if (!EnterUnlessGivenUp(Phase::kWaiting)) return false;
    if (is_free()) return EnterUnlessGivenUp(Phase::kCalling);
    if (!std::exchange(waited_, true)) ReportWait();
    std::unique_lock<std::mutex> lock(mutex_);
    if (given_up_.wait_for(lock, back_off.Next(), [&] { return phase_ == Phase::kGivenUp; })) return false;
  }
}

bool PendingCall::EnterUnlessGivenUp(Phase phase) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (phase_ == Phase::kGivenUp) return false;
  phase_ = phase;
  return true;
}

void PendingCall::ReportWait() {
  const std::shared_ptr<Loop> loop = loop_.lock();
  if (!loop) return;
  loop->Post([self = shared_from_this()] {
    if (const std::function<void()> waits = std::exchange(self->waits_, nullptr)) waits();
  });
}

void PendingCall::Finish(Outcome outcome) {
  if (!EnterUnlessGivenUp(Phase::kDone)) return Drop(outcome);
  const std::shared_ptr<Loop> loop = loop_.lock();
  if (!loop) return;
  loop->Post([self = shared_from_this(), outcome = std::move(outcome)]() mutable {
    self->waits_ = nullptr;
    if (const Answer answer = std::exchange(self->answer_, nullptr)) {
      answer(std::move(outcome));
    } else {
      Drop(outcome);
    }
  });
}

}  // namespace pcsc_bridge::backend
