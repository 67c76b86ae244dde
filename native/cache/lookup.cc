#include "cache/lookup.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pcsc_bridge {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;

}  // namespace

void Lookup::Advance() {
  if (steps_due_++ > 0) return;
  const std::shared_ptr<Lookup> self = shared_from_this();
  do {
    TakeStep();
  } while (--steps_due_ > 0);
}

void Lookup::TakeStep() {
  Later later;
  Step step = Step::kWait;
  EntryPtr entry;
  std::uint64_t number = 0;
  if (settled_) {
    // Cancelled between the call and its arrival: the next waiter gets it.
    const bool has_entry = std::exchange(handed_over_, false) || std::exchange(renewed_, false);
    if (has_entry) cache_->ReleaseEntry(current_, later);
  } else {
    step = ChooseStep(later);
    entry = current_;
    number = ++step_number_;
  }
  CardCache::RunAll(later);
  if (step == Step::kEvaluate || step == Step::kOpen) Perform(step, entry, number);
}

Lookup::Step Lookup::ChooseStep(Later& later) {
  if (cache_->closed_) return Fail(Error{status::kClosed, "acquire", target_.reader, ""}, later);
  if (!std::exchange(started_, true)) candidates_ = cache_->Candidates(identity_, target_);
  if (std::exchange(renewed_, false)) {
    reopening_ = true;
    step_start_ = steady_clock::now();
    return Step::kOpen;
  }
  for (;;) {
    if (next_ < candidates_.size()) {
      current_ = candidates_[next_];
      const bool handed_over = std::exchange(handed_over_, false);
      if (waited_for_entry_ && (handed_over || current_->gone))
        waits_.in_process += Waits::Since(step_start_);
      if (current_->gone) {
        ++next_;
        waited_for_entry_ = false;
        continue;
      }
      if (!waited_for_entry_) step_start_ = steady_clock::now();
      if (current_->busy && !handed_over) {
        waited_for_entry_ = true;
        current_->waiting.push_back(shared_from_this());
        return Step::kWait;
      }
      cache_->index_.MarkBusy(*current_);
      return Step::kEvaluate;
    }
    // Another lookup may have connected the wanted card while this one looked at the others.
    const std::vector<EntryPtr> now = cache_->index_.Own(identity_, target_);
    const auto newer = std::find_if(now.begin(), now.end(), [&](const EntryPtr& entry) {
      return std::find(candidates_.begin(), candidates_.end(), entry) == candidates_.end();
    });
    if (newer != now.end()) {
      candidates_.push_back(*newer);
      continue;
    }
    if (target_.reader.empty()) {
      return Fail(Error{status::kUnknownCard, "acquire", "",
                        "no cached card has this card id; name the reader to connect it"},
                  later);
    }
    current_ = cache_->MakeEntry(identity_, target_, options_);
    cache_->Trim(later);
    cache_->index_.MarkBusy(*current_);
    step_start_ = steady_clock::now();
    return Step::kOpen;
  }
}

Lookup::Step Lookup::Fail(Error error, Later& later) {
  Settle(std::move(error), later);
  return Step::kSettle;
}

bool Lookup::MustReset(const EntryPtr& entry) {
  const CardOwner owner{identity_, cache_->filter(), options_.trusts_unknown};
  const bool must_reset = IsWanted(entry) && cache_->users_->MustReset(entry->info.reader, owner);
  if (must_reset) ++cache_->counts_.resets;
  return must_reset;
}

void Lookup::Perform(Step step, const EntryPtr& entry, std::uint64_t number) {
  const bool open = step == Step::kOpen;
  auto answer = [self = shared_from_this(), entry, open](Result<CachedCard::Claimed> claim) {
    self->OnClaim(entry, open, std::move(claim));
  };
  auto must_reset = [self = shared_from_this(), entry] { return self->MustReset(entry); };
  // An entry that is only evaluated, as all are with the filter off, keeps its protocol.
  const Protocols wanted = IsWanted(entry) ? target_.protocols : kT0OrT1;
  const std::shared_ptr<Cancellable> operation =
      open ? entry->card->Open(wanted, std::move(must_reset), std::move(answer))
           : entry->card->Evaluate(wanted, std::move(must_reset), std::move(answer));
  if (number != step_number_) return;  // it has been answered
  operation_ = operation;
  if (settled_) operation->Cancel();
}

void Lookup::OnClaim(const EntryPtr& entry, bool opened, Result<CachedCard::Claimed> claim) {
  Later later;
  bool end_claim = false;
  operation_ = nullptr;
  waits_ += entry->card->waited();
  ++step_number_;
  if (!opened) {
    Evaluation evaluation;
    evaluation.entry = entry->info.id;
    evaluation.reader = entry->info.reader;
    evaluation.opened_by = entry->info.identity;
    evaluation.valid = claim.ok();
    evaluation.waited = waited_for_entry_ || (claim && claim->begun.waited.any());
    evaluation.duration = duration_cast<microseconds>(steady_clock::now() - step_start_);
    evaluated_.push_back(std::move(evaluation));
    ++next_;
  }
  waited_for_entry_ = false;
  if (claim) {
    reopening_ = false;
    entry->info.atr = claim->atr;
    entry->info.protocol = claim->protocol;
    cache_->index_.MarkOpen(*entry);
    const bool wanted = !entry->gone && IsWanted(entry);
    if (wanted) {
      if (target_.card_id) entry->info.card_id = target_.card_id;
      Settle(MakeLease(entry, opened, *claim), later);
      if (opened) cache_->Trim(later);
    } else {
      end_claim = true;
    }
  } else {
    OnFailedClaim(entry, opened, claim.error(), later);
  }
  const bool advance = !claim && !settled_;
  CardCache::RunAll(later);
  if (end_claim) {
    // The next candidate only when this one is free again, as the original does it.
    cache_->EndAndRelease(entry, Disposition::kLeave,
                          [self = shared_from_this()](const Result<Done>&) { self->Advance(); });
  } else if (advance) {
    Advance();
  }
}

void Lookup::OnFailedClaim(const EntryPtr& entry, bool opened, Error error, Later& later) {
  const bool evicted = entry->gone;
  // The card may have been removed after its reset: then it is connected anew, as after any failed
  // evaluation.
  const bool reopened = std::exchange(reopening_, false);
  // There is no state left to reset; and the program that reset the card may be using it.
  if (error.code == status::kResetCard || error.code == status::kRemovedCard) entry->use = 0;
  const bool only_given_up = settled_ && !opened && error.code == status::kCancelled && entry->card->usable();
  // Only the card was reset: a new entry takes over the connection with a reconnect. A new context
  // would cost four calls, and on pcscd a thread of the service.
  renewed_ = error.code == status::kResetCard && !opened && !settled_ && !evicted && entry->card->usable() &&
             next_ == candidates_.size() && entry->info.identity == identity_ &&
             CacheIndex::IsWanted(entry->info, target_);
  if (renewed_) {
    cache_->index_.Renew(entry);
  } else if (only_given_up) {
    cache_->ReleaseEntry(entry, later);
  } else {
    cache_->Drop(entry, later);
  }
  if (!opened || evicted || reopened) return;
  if (error.reader.empty()) error.reader = target_.reader;
  Settle(std::move(error), later);
}

Lease Lookup::MakeLease(const EntryPtr& entry, bool opened, const CachedCard::Claimed& claim) {
  assert(entry->busy && !entry->info.leased);
  entry->info.leased = true;
  entry->info.last_used = std::chrono::system_clock::now();
  entry->use = cache_->users_->Note(entry->info.reader, identity_);
  Lease lease;
  lease.cache_ = cache_;
  lease.entry_ = entry;
  lease.info_ = entry->info;
  lease.fresh_ = opened;
  lease.card_was_reset_ = claim.begun.card_was_reset;
  lease.waited_ = waits_;
  ++(opened ? cache_->counts_.misses : cache_->counts_.hits);
  lease.evaluated_ = std::move(evaluated_);
  return lease;
}

void Lookup::Settle(Result<Lease> result, Later& later) {
  if (std::exchange(settled_, true)) return;
  auto shared = std::make_shared<Result<Lease>>(std::move(result));
  later.push_back([answer = std::move(answer_), shared] { answer(std::move(*shared)); });
  answer_ = nullptr;
}

void Lookup::Cancel() {
  cache_->loop()->Execute([self = shared_from_this()] { self->CancelNow(); });
}

void Lookup::CancelNow() {
  if (settled_) return;
  Later later;
  Error error = CancelledError();
  error.reader = target_.reader;
  Settle(std::move(error), later);
  const std::shared_ptr<Cancellable> operation = std::exchange(operation_, nullptr);
  if (current_ && !operation) {
    auto& queue = current_->waiting;
    queue.erase(std::remove(queue.begin(), queue.end(), shared_from_this()), queue.end());
  }
  CardCache::RunAll(later);
  if (operation) operation->Cancel();
}

}  // namespace pcsc_bridge
