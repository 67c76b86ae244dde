// The CSP's cache of connected cards, with and without the filter of KB949538.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cache/cache_index.h"
#include "cache/cache_types.h"
#include "cache/cached_card.h"
#include "cache/card_users.h"
#include "channel/monitor.h"

namespace pcsc_bridge {

class Lease;

// Cached connected cards, each made by one session identity.
//
// Filter off, the fault: a lookup evaluates every entry, whosever it is, until one is the wanted card; an
// entry whose card is in somebody's transaction keeps the asker waiting until that ends.
// Filter on, the fix: a lookup evaluates only entries of the asker's identity. No identity ever gets a handle
// that another opened; a card that another identity used last is reset before it is handed over, so that no
// PIN state crosses; a session that comes back with a new connect time loses its earlier entries.
//
// Thread safe. No lock is held during a PC/SC call or while an answer is given.
class CardCache : public std::enable_shared_from_this<CardCache> {
 public:
  static std::shared_ptr<CardCache> Create(CachedCardFactory make_card, bool filter,
                                           std::shared_ptr<CardUsers> users);

  // Finds the wanted card for the asker, connecting anew where no entry is it, and leases it, in a
  // transaction. `answer` is called once, from any thread. Errors: those of the connect; kUnknownCard where
  // only a card id was given and no entry has it; kCancelled; kClosed.
  std::shared_ptr<Cancellable> Acquire(const SessionIdentity& identity, CacheTarget target,
                                       std::function<void(Result<Lease>)> answer);

  std::vector<CacheEntryInfo> Entries() const;

  // Lets an identity's entries go, resetting their cards; one in use goes when its lease ends. Tells how
  // many.
  // `closed`, if given, is called as Close calls it.
  std::size_t Evict(const SessionIdentity& identity, std::function<void()> closed = nullptr);

  // Lets idle entries go whose reader or card is no longer there; all idle ones when the service is away.
  void Observe(const Result<Monitor::Picture>& picture);

  // Lets everything go, resetting the cards, and takes no more lookups. `closed` is called when every handle
  // that can be waited for has gone; leases under way end by themselves.
  void Close(std::function<void()> closed);

  bool filter() const { return filter_; }

 private:
  friend class Acquisition;
  friend class Lease;
  using EntryPtr = CacheIndex::EntryPtr;
  // What is left to do once the lock is released.
  using Later = std::vector<std::function<void()>>;

  CardCache(CachedCardFactory make_card, bool filter, std::shared_ptr<CardUsers> users)
      : make_card_(std::move(make_card)), filter_(filter), users_(std::move(users)) {}

  // Under the lock.
  std::vector<EntryPtr> Candidates(const SessionIdentity& identity, const CacheTarget& target) const;
  // `hold` is kept until the handle has gone or cannot be waited for.
  void Drop(const EntryPtr& entry, Disposition disposition, Later& later,
            std::shared_ptr<void> hold = nullptr);
  void PassOn(const EntryPtr& entry, Later& later);

  // Ends the claim on an entry, then lets the next in line have it, or drops it where that failed.
  void EndClaim(const EntryPtr& entry, Disposition disposition, std::function<void(Result<Done>)> answer);

  const CachedCardFactory make_card_;
  const bool filter_;
  const std::shared_ptr<CardUsers> users_;
  mutable std::mutex mutex_;
  CacheIndex index_;
  bool closed_ = false;
};

// The exclusive use of a cached card, in a transaction. Move-only; one that is dropped without End resets
// the card.
class Lease {
 public:
  Lease(Lease&&) = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  // Ends the transaction and gives the card back to the cache. Once.
  void End(Disposition disposition, std::function<void(Result<Done>)> answer);

  const CacheEntryInfo& entry() const { return info_; }
  bool fresh() const { return fresh_; }  // connected for this lease
  bool card_was_reset() const { return card_was_reset_; }
  const std::vector<Evaluation>& evaluated() const { return evaluated_; }
  std::shared_ptr<Channel> channel() const { return entry_->card->channel(); }

 private:
  friend class Acquisition;
  Lease() = default;

  std::shared_ptr<CardCache> cache_;  // null once ended
  std::shared_ptr<CacheEntry> entry_;
  CacheEntryInfo info_;
  bool fresh_ = false;
  bool card_was_reset_ = false;
  std::vector<Evaluation> evaluated_;
};

}  // namespace pcsc_bridge
