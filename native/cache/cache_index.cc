#include "cache/cache_index.h"

#include <algorithm>
#include <utility>

namespace pcsc_bridge {

CacheIndex::EntryPtr CacheIndex::Insert(const SessionIdentity& identity, const CacheTarget& target,
                                        std::shared_ptr<CachedCard> card) {
  auto entry = std::make_shared<CacheEntry>();
  entry->info.id = ++last_id_;
  entry->info.identity = identity;
  entry->info.reader = target.reader;
  entry->info.card_id = target.card_id;
  entry->info.last_used = std::chrono::system_clock::now();
  entry->card = std::move(card);
  all_.emplace(entry->info.id, entry);
  by_session_[identity.id].push_back(entry);
  return entry;
}

void CacheIndex::Erase(CacheEntry& entry) {
  if (std::exchange(entry.gone, true)) return;
  const auto session = by_session_.find(entry.info.identity.id);
  std::vector<EntryPtr>& entries = session->second;
  entries.erase(
      std::find_if(entries.begin(), entries.end(), [&](const EntryPtr& e) { return e.get() == &entry; }));
  if (entries.empty()) by_session_.erase(session);
  all_.erase(entry.info.id);
}

std::vector<CacheIndex::EntryPtr> CacheIndex::All() const {
  std::vector<EntryPtr> entries;
  entries.reserve(all_.size());
  for (const auto& [id, entry] : all_) entries.push_back(entry);
  return entries;
}

std::vector<CacheIndex::EntryPtr> CacheIndex::Own(const SessionIdentity& identity,
                                                  const CacheTarget& target) const {
  std::vector<EntryPtr> entries;
  const auto session = by_session_.find(identity.id);
  if (session == by_session_.end()) return entries;
  for (const EntryPtr& entry : session->second) {
    if (entry->info.identity == identity && IsWanted(entry->info, target)) entries.push_back(entry);
  }
  return entries;
}

std::vector<CacheIndex::EntryPtr> CacheIndex::Outlived(const SessionIdentity& identity) const {
  std::vector<EntryPtr> entries;
  const auto session = by_session_.find(identity.id);
  if (session == by_session_.end()) return entries;
  for (const EntryPtr& entry : session->second) {
    const std::uint64_t time = entry->info.identity.connect_time;
    if (time != 0 && time < identity.connect_time) entries.push_back(entry);
  }
  return entries;
}

bool CacheIndex::IsWanted(const CacheEntryInfo& entry, const CacheTarget& target) {
  if (!target.reader.empty() && entry.reader != target.reader) return false;
  if (!target.card_id) return true;
  // In the wanted reader, a card whose id nobody told yet may be the one.
  if (!entry.card_id) return !target.reader.empty();
  return *entry.card_id == *target.card_id;
}

}  // namespace pcsc_bridge
