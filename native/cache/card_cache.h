// The CSP's cache of connected cards, with and without the filter of KB949538.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/cache_index.h"
#include "cache/cache_types.h"
#include "cache/cached_card.h"
#include "card/card_users.h"
#include "loop/loop.h"
#include "readers/monitor.h"

namespace pcsc_bridge {

class Lease;

struct CardCacheOptions {
  bool filter = true;
  // Maximum number of connected cards. Beyond it, the entry that has been idle for longest is reset and
  // released. Entries in use do not count as idle, so there may temporarily be a few more.
  std::size_t max_entries = 64;
  // An entry that is idle for this time is reset and released; without a value it stays.
  std::optional<std::chrono::milliseconds> max_idle = std::chrono::seconds(60);
};

// How a lookup treats its card.
struct LookupOptions {
  bool trusts_unknown = false;       // see CardOwner
  bool waits_for_exclusive = false;  // see ConnectParameters
};

// Counters of a cache.
struct CacheCounts {
  std::uint64_t hits = 0;         // lookups that found their card in the cache
  std::uint64_t misses = 0;       // lookups that connected it
  std::uint64_t evictions = 0;    // entries released to make room
  std::uint64_t expirations = 0;  // entries that had been idle for too long
  std::uint64_t resets = 0;       // of cards: before another identity uses them, and at the end of an entry
};

// Cached connected cards, each opened by one session identity.
//
// Filter off, the fault: a lookup evaluates every entry of every session until one is the wanted card; if
// the card of an entry is in a transaction, the caller waits until that ends. Filter on, the fix: a lookup
// evaluates only entries of the caller's identity. No identity ever gets a handle that another one opened.
// A card that another identity used last is reset first, so that no PIN state is passed on. A session that
// reconnects with a new connect time loses its earlier entries.
//
// At the end of an entry its card is reset, unless it has been reset since the entry's last lease.
//
// Belongs to one loop: every member and every answer is called there.
class CardCache : public std::enable_shared_from_this<CardCache> {
 public:
  static std::shared_ptr<CardCache> Create(std::shared_ptr<Loop> loop, CachedCardFactory make_card,
                                           CardCacheOptions options, std::shared_ptr<CardUsers> users);

  // Finds the wanted card for the caller, connects it if there is no entry, and leases it in a transaction.
  // `answer` is called once, possibly within this call. Errors: those of the connect; kUnknownCard if only
  // a card id was given and no entry has it; kCancelled; kClosed.
  std::shared_ptr<Cancellable> Acquire(const SessionIdentity& identity, CacheTarget target,
                                       LookupOptions options, std::function<void(Result<Lease>)> answer);

  std::vector<CacheEntryInfo> Entries() const;
  const CacheCounts& counts() const { return counts_; }

  // Releases a session's entries: those of one user, or of every user if the identity names none. An entry
  // in use is released when its lease ends. Returns their number. `closed`, which may be null, is called as
  // in Close.
  std::size_t Evict(const SessionIdentity& identity, std::function<void()> closed = nullptr);
  // Releases the entries of exactly this identity, as Evict does: its last session has closed.
  void Release(const SessionIdentity& identity, std::function<void()> closed);

  // Releases idle entries whose reader or card is gone; all idle entries if the service has stopped.
  void DropGoneEntries(const Result<Monitor::Picture>& picture);

  // Releases all entries and rejects further lookups. `closed` is called when every handle that can be
  // waited for is closed; running leases end by themselves.
  void Close(std::function<void()> closed);

  bool filter() const { return options_.filter; }
  const std::shared_ptr<Loop>& loop() const { return loop_; }

 private:
  friend class Lookup;
  friend class Lease;
  using EntryPtr = CacheIndex::EntryPtr;
  // The actions to run once the cache's own state is consistent: they may call the cache again.
  using Later = std::vector<std::function<void()>>;
  static void RunAll(const Later& later) {
    for (const std::function<void()>& action : later) action();
  }

  CardCache(std::shared_ptr<Loop> loop, CachedCardFactory make_card, CardCacheOptions options,
            std::shared_ptr<CardUsers> users)
      : loop_(std::move(loop)),
        make_card_(std::move(make_card)),
        options_(options),
        users_(std::move(users)) {}

  std::vector<EntryPtr> Candidates(const SessionIdentity& identity, const CacheTarget& target) const;
  EntryPtr MakeEntry(const SessionIdentity& identity, const CacheTarget& target,
                     const LookupOptions& options);
  // `hold` is kept until the handle is closed or cannot be waited for.
  void Drop(const EntryPtr& entry, Later& later, std::shared_ptr<void> hold = nullptr);
  // Drops an idle entry in favour of another one.
  void MakeRoom(const EntryPtr& idle, Later& later);
  std::function<void()> CloseLater(const EntryPtr& entry, std::shared_ptr<void> hold = nullptr);
  void DropAll(const std::vector<EntryPtr>& entries, std::function<void()> closed);
  void ReleaseEntry(const EntryPtr& entry, Later& later);
  // Enforces the limit of open entries, and schedules the expiry of idle ones.
  void Trim(Later& later);
  void ExpireIdle();

  // Ends the claim on an entry, then passes it to the next waiter, or drops it if that failed.
  void EndAndRelease(const EntryPtr& entry, Disposition disposition,
                     std::function<void(Result<Done>)> answer);

  const std::shared_ptr<Loop> loop_;
  const CachedCardFactory make_card_;
  const CardCacheOptions options_;
  const std::shared_ptr<CardUsers> users_;
  CacheIndex index_;
  Loop::Timer expiry_;
  bool expires_ = false;     // expiry_ is set
  std::size_t closing_ = 0;  // entries that have gone, and whose context has not
  bool closed_ = false;
  CacheCounts counts_;
};

// A lease: exclusive use of a cached card, in a transaction. Move-only, on the cache's loop. If it is
// dropped without End, the card is reset.
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
  const Waits& waited() const { return waited_; }
  const std::vector<Evaluation>& evaluated() const { return evaluated_; }
  std::shared_ptr<Connection> connection() const { return entry_->card->connection(); }

 private:
  friend class Lookup;
  Lease() = default;

  std::shared_ptr<CardCache> cache_;  // null once ended
  std::shared_ptr<CacheEntry> entry_;
  CacheEntryInfo info_;
  bool fresh_ = false;
  bool card_was_reset_ = false;
  Waits waited_;
  std::vector<Evaluation> evaluated_;
};

}  // namespace pcsc_bridge
