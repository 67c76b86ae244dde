// One lookup in the card cache, from the request to the lease.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "cache/card_cache.h"

namespace pcsc_bridge {

// Checks the candidates one at a time: waits until an entry is free, evaluates it, and leases it or
// continues; at the end it connects the card. On the cache's loop, except Cancel, which may be called on
// any thread.
class Lookup : public Cancellable, public std::enable_shared_from_this<Lookup> {
 public:
  using Answer = std::function<void(Result<Lease>)>;

  Lookup(std::shared_ptr<CardCache> cache, const SessionIdentity& identity, CacheTarget target,
         LookupOptions options, Answer answer)
      : cache_(std::move(cache)),
        identity_(identity),
        target_(std::move(target)),
        options_(options),
        answer_(std::move(answer)) {}

  void Cancel() override;

  // Takes the next step, after the one that is being taken just now.
  void Advance();

 private:
  friend class CardCache;
  using EntryPtr = CacheIndex::EntryPtr;
  using Later = CardCache::Later;

  enum class Step { kWait, kEvaluate, kOpen, kSettle };

  void CancelNow();
  void TakeStep();
  Step ChooseStep(Later& later);
  Step Fail(Error error, Later& later);
  void Perform(Step step, const EntryPtr& entry, std::uint64_t number);
  bool IsWanted(const EntryPtr& entry) const {
    return !settled_ && CacheIndex::IsWanted(entry->info, target_);
  }
  bool MustReset(const EntryPtr& entry);
  void OnClaim(const EntryPtr& entry, bool opened, Result<CachedCard::Claimed> claim);
  void OnFailedClaim(const EntryPtr& entry, bool opened, Error error, Later& later);
  void Settle(Result<Lease> result, Later& later);
  Lease MakeLease(const EntryPtr& entry, bool opened, const CachedCard::Claimed& claim);

  const std::shared_ptr<CardCache> cache_;
  const SessionIdentity identity_;
  const CacheTarget target_;
  const LookupOptions options_;
  Answer answer_;  // empty once settled

  // Steps asked for and not yet taken. An answer may come before the call that asks for it returns: the
  // walk is a loop, not a recursion as deep as the cache is large.
  int steps_due_ = 0;
  bool started_ = false;
  bool settled_ = false;
  std::vector<EntryPtr> candidates_;
  std::size_t next_ = 0;
  EntryPtr current_;          // waited for, or being evaluated or opened
  bool handed_over_ = false;  // the waiter before this one passed the entry on
  bool renewed_ = false;      // current_ belongs to this lookup and must be opened: its card was reset
  bool reopening_ = false;    // and is being opened
  bool waited_for_entry_ = false;
  Waits waits_;
  std::uint64_t step_number_ = 0;  // tells a late return of one step from the next step
  std::shared_ptr<Cancellable> operation_;
  std::chrono::steady_clock::time_point step_start_;
  std::vector<Evaluation> evaluated_;
};

}  // namespace pcsc_bridge
