#include "cache/cache_index.h"

#include <algorithm>
#include <cassert>
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
  by_session_[identity.id][identity.connect_time].push_back(entry);
  return entry;
}

void CacheIndex::Erase(CacheEntry& entry) {
  if (std::exchange(entry.gone, true)) return;
  LeaveIdle(entry);
  if (entry.open) --open_;
  const auto session = by_session_.find(entry.info.identity.id);
  const auto made_then = session->second.find(entry.info.identity.connect_time);
  std::vector<EntryPtr>& entries = made_then->second;
  entries.erase(
      std::find_if(entries.begin(), entries.end(), [&](const EntryPtr& e) { return e.get() == &entry; }));
  if (entries.empty()) session->second.erase(made_then);
  if (session->second.empty()) by_session_.erase(session);
  all_.erase(entry.info.id);
  assert(idle_.size() <= open_ && open_ <= all_.size());
}

void CacheIndex::Renew(const EntryPtr& entry) {
  assert(!entry->gone);
  all_.erase(entry->info.id);
  entry->info.id = ++last_id_;
  entry->info.card_id.reset();
  all_.emplace(entry->info.id, entry);
}

void CacheIndex::MarkOpen(CacheEntry& entry) {
  if (std::exchange(entry.open, true) || entry.gone) return;
  ++open_;
}

void CacheIndex::MarkBusy(CacheEntry& entry) {
  assert(!entry.gone);
  LeaveIdle(entry);
  entry.busy = true;
}

void CacheIndex::MarkIdle(const EntryPtr& entry) {
  assert(entry->open && entry->busy && !entry->gone && !entry->idle_place);
  entry->busy = false;
  entry->idle_since = std::chrono::steady_clock::now();
  entry->idle_place = idle_.insert(idle_.end(), entry);
}

void CacheIndex::LeaveIdle(CacheEntry& entry) {
  if (entry.idle_place) idle_.erase(*std::exchange(entry.idle_place, std::nullopt));
}

std::vector<CacheIndex::EntryPtr> CacheIndex::All() const {
  std::vector<EntryPtr> entries;
  entries.reserve(all_.size());
  for (const auto& [id, entry] : all_) entries.push_back(entry);
  return entries;
}

const std::vector<CacheIndex::EntryPtr>* CacheIndex::AtConnectTime(const SessionIdentity& identity) const {
  const auto session = by_session_.find(identity.id);
  if (session == by_session_.end()) return nullptr;
  const auto made_then = session->second.find(identity.connect_time);
  return made_then == session->second.end() ? nullptr : &made_then->second;
}

std::vector<CacheIndex::EntryPtr> CacheIndex::OfSession(const SessionIdentity& identity) const {
  std::vector<EntryPtr> entries;
  const std::vector<EntryPtr>* made_then = AtConnectTime(identity);
  if (made_then == nullptr) return entries;
  for (const EntryPtr& entry : *made_then) {
    const SessionIdentity& owner = entry->info.identity;
    if (identity.instance != 0 && identity.instance != owner.instance) continue;
    if (!identity.user_id.empty() && identity.user_id != owner.user_id) continue;
    entries.push_back(entry);
  }
  return entries;
}

std::vector<CacheIndex::EntryPtr> CacheIndex::Of(const SessionIdentity& identity) const {
  std::vector<EntryPtr> entries;
  const std::vector<EntryPtr>* made_then = AtConnectTime(identity);
  if (made_then == nullptr) return entries;
  for (const EntryPtr& entry : *made_then) {
    if (entry->info.identity == identity) entries.push_back(entry);
  }
  return entries;
}

std::vector<CacheIndex::EntryPtr> CacheIndex::Own(const SessionIdentity& identity,
                                                  const CacheTarget& target) const {
  std::vector<EntryPtr> entries = Of(identity);
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [&](const EntryPtr& entry) { return !IsWanted(entry->info, target); }),
                entries.end());
  return entries;
}

std::vector<CacheIndex::EntryPtr> CacheIndex::Outlived(const SessionIdentity& identity) const {
  std::vector<EntryPtr> entries;
  const auto session = by_session_.find(identity.id);
  if (session == by_session_.end()) return entries;
  for (const auto& [connect_time, made_then] : session->second) {
    if (connect_time >= identity.connect_time) break;
    if (connect_time != 0) entries.insert(entries.end(), made_then.begin(), made_then.end());
  }
  return entries;
}

bool CacheIndex::IsWanted(const CacheEntryInfo& entry, const CacheTarget& target) {
  if (!target.reader.empty() && entry.reader != target.reader) return false;
  if (!target.card_id) return true;
  // A card in the wanted reader whose id is still unknown may be the one.
  if (!entry.card_id) return !target.reader.empty();
  return *entry.card_id == *target.card_id;
}

}  // namespace pcsc_bridge
