// The entries of a card cache and the ways to find them. No PC/SC.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/cache_types.h"
#include "cache/cached_card.h"

namespace pcsc_bridge {

class Lookup;

// One cached card.
struct CacheEntry {
  CacheEntryInfo info;
  std::shared_ptr<CachedCard> card;
  bool open = false;  // has been connected: it has a context. Set by CacheIndex
  bool busy = false;  // being opened, evaluated or leased, by one lookup or lease alone. Set by CacheIndex
  bool gone = false;  // no longer in the index; closed when the lookup or lease that has it is done
  std::chrono::steady_clock::time_point idle_since;
  std::optional<std::list<std::shared_ptr<CacheEntry>>::iterator> idle_place;  // in CacheIndex
  std::uint64_t use = 0;  // the number of its last lease, as CardUsers counts
  std::deque<std::shared_ptr<Lookup>> waiting;
};

class CacheIndex {
 public:
  using EntryPtr = std::shared_ptr<CacheEntry>;

  EntryPtr Insert(const SessionIdentity& identity, const CacheTarget& target,
                  std::shared_ptr<CachedCard> card);
  void Erase(CacheEntry& entry);      // and marks it gone; repeating it has no effect
  void Renew(const EntryPtr& entry);  // as if it were erased and inserted as a new one
  void MarkOpen(CacheEntry& entry);
  void MarkBusy(CacheEntry& entry);
  void MarkIdle(const EntryPtr& entry);  // an open one, from now on

  std::vector<EntryPtr> Of(const SessionIdentity& identity) const;
  // The entries of the session: of every user if the identity names none, and of every instance likewise.
  std::vector<EntryPtr> OfSession(const SessionIdentity& identity) const;
  // The filter is off: every entry, in the order they were made.
  std::vector<EntryPtr> All() const;
  // The filter is on: the caller's own entries that can be the wanted card. Entries of another reader, or
  // known to be another card, are excluded: they cannot match, and an entry in use would cost a wait. The
  // time this takes does not depend on other sessions' entries.
  std::vector<EntryPtr> Own(const SessionIdentity& identity, const CacheTarget& target) const;
  // Entries of earlier connections of the same session: same id, an earlier connect time, both known.
  std::vector<EntryPtr> Outlived(const SessionIdentity& identity) const;

  // How many are still being opened.
  std::size_t opening() const { return all_.size() - open_; }
  // How many have a context.
  std::size_t open() const { return open_; }
  // The open entry that has been idle for longest; null if none is idle.
  EntryPtr LongestIdle() const { return idle_.empty() ? nullptr : idle_.front(); }

  static bool IsWanted(const CacheEntryInfo& entry, const CacheTarget& target);

 private:
  void LeaveIdle(CacheEntry& entry);
  // The entries with this id and connect time; null if there are none.
  const std::vector<EntryPtr>* AtConnectTime(const SessionIdentity& identity) const;

  std::uint64_t last_id_ = 0;
  std::size_t open_ = 0;
  std::list<EntryPtr> idle_;               // the longest first
  std::map<std::uint64_t, EntryPtr> all_;  // by entry id: in the order they were made
  // By session id, then connect time.
  std::unordered_map<std::uint32_t, std::map<std::uint64_t, std::vector<EntryPtr>>> by_session_;
};

}  // namespace pcsc_bridge
