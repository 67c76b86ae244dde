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
  // So many connected cards at most; beyond that the entry that has been idle for longest goes, with a reset.
  // Entries in use do not count as idle: there may be a few more for as long as they are.
  std::size_t max_entries = 64;
  // An entry that was not used for so long goes, with a reset; nothing: it stays.
  std::optional<std::chrono::milliseconds> max_idle = std::chrono::seconds(60);
};

// How a lookup treats the card it finds.
struct LookupOptions {
  bool trusts_unknown = false;       // see CardOwner
  bool waits_for_exclusive = false;  // see ConnectParameters
};

// What a cache has done so far.
struct CacheCounts {
  std::uint64_t hits = 0;         // lookups that found their card in the cache
  std::uint64_t misses = 0;       // and those that connected it
  std::uint64_t evictions = 0;    // entries that went to make room
  std::uint64_t expirations = 0;  // entries that had been idle for too long
  std::uint64_t resets = 0;       // of cards: before another identity got them, and at an entry's end
};

// Cached connected cards, each made by one session identity.
//
// Filter off, the fault: a lookup evaluates every entry of every session until one is the wanted card; an
// entry whose card is in a transaction keeps the caller waiting until that ends. Filter on, the fix: a lookup
// evaluates only entries of the caller's identity. No identity ever gets a handle that another opened; a card
// that another identity used last is reset before it is handed over, so that no PIN state crosses; a session
// that comes back with a new connect time loses its earlier entries.
//
// At every end of an entry its card is reset, unless it has been reset since the entry's last lease.
//
// Belongs to one loop: every member is called there, and every answer comes there.
class CardCache : public std::enable_shared_from_this<CardCache> {
 public:
  static std::shared_ptr<CardCache> Create(std::shared_ptr<Loop> loop, CachedCardFactory make_card,
                                           CardCacheOptions options, std::shared_ptr<CardUsers> users);

  // Finds the wanted card for the caller, connecting anew where no entry is it, and leases it, in a
  // transaction. `answer` comes once, perhaps within this call. Errors: those of the connect; kUnknownCard
  // where only a card id was given and no entry has it; kCancelled; kClosed.
  std::shared_ptr<Cancellable> Acquire(const SessionIdentity& identity, CacheTarget target,
                                       LookupOptions options, std::function<void(Result<Lease>)> answer);

  std::vector<CacheEntryInfo> Entries() const;
  const CacheCounts& counts() const { return counts_; }

  // Lets a session's entries go: those of one user, or of every user if the identity names none. An entry in
  // use goes when its lease ends. Returns how many. `closed`, which may be null, is called as Close calls it.
  std::size_t Evict(const SessionIdentity& identity, std::function<void()> closed = nullptr);
  // Lets the entries of exactly this identity go, like Evict: its last user has left.
  void Release(const SessionIdentity& identity, std::function<void()> closed);

  // Lets idle entries go whose reader or card is no longer there; all idle ones when the service is away.
  void DropGoneEntries(const Result<Monitor::Picture>& picture);

  // Lets everything go, and takes no more lookups. `closed` is called when every handle that can be waited
  // for has gone; leases under way end by themselves.
  void Close(std::function<void()> closed);

  bool filter() const { return options_.filter; }
  const std::shared_ptr<Loop>& loop() const { return loop_; }

 private:
  friend class Lookup;
  friend class Lease;
  using EntryPtr = CacheIndex::EntryPtr;
  // What is left to do once the cache's own state is in order: it may call the cache again.
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
  // `hold` is kept until the handle has gone or cannot be waited for.
  void Drop(const EntryPtr& entry, Later& later, std::shared_ptr<void> hold = nullptr);
  // Drops an idle entry for another one's sake.
  void MakeRoom(const EntryPtr& idle, Later& later);
  std::function<void()> CloseLater(const EntryPtr& entry, std::shared_ptr<void> hold = nullptr);
  void DropAll(const std::vector<EntryPtr>& entries, std::function<void()> closed);
  void ReleaseEntry(const EntryPtr& entry, Later& later);
  // Keeps the bound on open entries, and sees to it that idle ones expire.
  void Trim(Later& later);
  void ExpireIdle();

  // Ends the claim on an entry, then lets the next in line have it, or drops it where that failed.
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

// The exclusive use of a cached card, in a transaction. Move-only, on the cache's loop; one that is dropped
// without End resets the card.
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
