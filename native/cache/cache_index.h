// The entries of a card cache and the ways to find them. No locking, no PC/SC.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/cache_types.h"
#include "cache/cached_card.h"

namespace pcsc_bridge {

class Acquisition;

// One cached card. Guarded by the cache's mutex; `card` may be called without it by whoever made it busy.
struct CacheEntry {
  CacheEntryInfo info;
  std::shared_ptr<CachedCard> card;
  bool busy = false;      // being opened, evaluated or leased: whoever does that has it alone
  bool gone = false;      // no longer in the index; closed when whoever has it is done
  std::uint64_t use = 0;  // the number of its last lease, as CardUsers counts
  std::deque<std::shared_ptr<Acquisition>> waiting;
};

class CacheIndex {
 public:
  using EntryPtr = std::shared_ptr<CacheEntry>;

  EntryPtr Insert(const SessionIdentity& identity, const CacheTarget& target,
                  std::shared_ptr<CachedCard> card);
  void Erase(CacheEntry& entry);  // and marks it gone; once more has no effect

  std::vector<EntryPtr> Of(const SessionIdentity& identity) const;
  // The filter is off: every entry, in the order they were made.
  std::vector<EntryPtr> All() const;
  // The filter is on: the asker's own entries that can be the wanted card. An entry of another reader, or
  // known to be another card, is not among them: there is nothing to learn from it and, were it in use, much
  // to wait for. The time this takes does not depend on other sessions' entries.
  std::vector<EntryPtr> Own(const SessionIdentity& identity, const CacheTarget& target) const;
  // Entries of earlier connections of the same session: same id, an earlier connect time, both known.
  std::vector<EntryPtr> Outlived(const SessionIdentity& identity) const;

  std::size_t size() const { return all_.size(); }

  static bool IsWanted(const CacheEntryInfo& entry, const CacheTarget& target);

 private:
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, EntryPtr> all_;  // by entry id: in the order they were made
  // By session id, then connect time.
  std::unordered_map<std::uint32_t, std::map<std::uint64_t, std::vector<EntryPtr>>> by_session_;
};

}  // namespace pcsc_bridge
