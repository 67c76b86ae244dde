#include "cache/card_cache.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "cache/lookup.h"
#include "loop/at_last.h"

namespace pcsc_bridge {
namespace {

using std::chrono::steady_clock;

}  // namespace

std::shared_ptr<CardCache> CardCache::Create(std::shared_ptr<Loop> loop, CachedCardFactory make_card,
                                             CardCacheOptions options, std::shared_ptr<CardUsers> users) {
  return std::shared_ptr<CardCache>(
      new CardCache(std::move(loop), std::move(make_card), options, std::move(users)));
}

std::shared_ptr<Cancellable> CardCache::Acquire(const SessionIdentity& identity, CacheTarget target,
                                                LookupOptions options,
                                                std::function<void(Result<Lease>)> answer) {
  Later later;
  if (options_.filter) {
    for (const EntryPtr& entry : index_.Outlived(identity)) Drop(entry, later);
  }
  RunAll(later);
  auto lookup =
      std::make_shared<Lookup>(shared_from_this(), identity, std::move(target), options, std::move(answer));
  lookup->Advance();
  return lookup;
}

std::vector<CacheIndex::EntryPtr> CardCache::Candidates(const SessionIdentity& identity,
                                                        const CacheTarget& target) const {
  return options_.filter ? index_.Own(identity, target) : index_.All();
}

CacheIndex::EntryPtr CardCache::MakeEntry(const SessionIdentity& identity, const CacheTarget& target,
                                          const LookupOptions& options) {
  const EntryPtr entry = index_.Insert(identity, target, nullptr);
  CachedCardRequest request;
  request.reader = target.reader;
  request.waits_for_exclusive = options.waits_for_exclusive;
  // The same as Drop, if there is no time left for it.
  request.owed_when_dropped = [users = users_, weak = std::weak_ptr<CacheEntry>(entry)] {
    const EntryPtr alive = weak.lock();
    return alive && users->OwesReset(alive->info.reader, alive->use) ? Disposition::kReset
                                                                     : Disposition::kLeave;
  };
  // Room is made before the context is taken, and not while the lookup waits in the queue: a lookup that
  // waits for a held card must not evict other entries.
  request.about_to_connect = [weak_cache = weak_from_this(), weak = std::weak_ptr<CacheEntry>(entry)] {
    const std::shared_ptr<CardCache> cache = weak_cache.lock();
    const EntryPtr alive = weak.lock();
    if (!cache || !alive) return;
    Later later;
    cache->index_.MarkOpen(*alive);
    cache->Trim(later);
    // Contexts that are being released count, too: one more is released if they are released more slowly
    // than requested.
    const EntryPtr idle = cache->index_.LongestIdle();
    if (idle && cache->index_.open() + cache->closing_ > cache->options_.max_entries)
      cache->MakeRoom(idle, later);
    RunAll(later);
  };
  entry->card = make_card_(std::move(request));
  return entry;
}

std::function<void()> CardCache::CloseLater(const EntryPtr& entry, std::shared_ptr<void> hold) {
  ++closing_;
  return [self = shared_from_this(), entry, hold = std::move(hold)] {
    const bool owes_reset = self->users_->OwesReset(entry->info.reader, entry->use);
    if (owes_reset) ++self->counts_.resets;
    entry->card->Close(owes_reset ? Disposition::kReset : Disposition::kLeave,
                       [self, hold] { --self->closing_; });
  };
}

void CardCache::Drop(const EntryPtr& entry, Later& later, std::shared_ptr<void> hold) {
  index_.Erase(*entry);
  for (const std::shared_ptr<Lookup>& waiter : entry->waiting) {
    later.push_back([waiter] { waiter->Advance(); });
  }
  entry->waiting.clear();
  // A lease goes on to its end; EndAndRelease closes the card then.
  if (entry->info.leased) return;
  later.push_back(CloseLater(entry, std::move(hold)));
}

void CardCache::MakeRoom(const EntryPtr& idle, Later& later) {
  ++counts_.evictions;
  Drop(idle, later);
}

void CardCache::ReleaseEntry(const EntryPtr& entry, Later& later) {
  entry->info.leased = false;
  if (entry->gone) {
    later.push_back(CloseLater(entry));
    return;
  }
  if (entry->waiting.empty()) {
    index_.MarkIdle(entry);
    Trim(later);
    return;
  }
  // Stays busy: no other lookup slips in between.
  const std::shared_ptr<Lookup> next = entry->waiting.front();
  entry->waiting.pop_front();
  next->handed_over_ = true;
  later.push_back([next] { next->Advance(); });
}

void CardCache::Trim(Later& later) {
  // Room for some of the entries that are being opened, because contexts are released more slowly than they
  // are requested. Not for all: many may queue for a held card, and must not evict other entries.
  const std::size_t reserve = std::min(index_.opening(), options_.max_entries / 4);
  while (index_.open() + reserve > options_.max_entries) {
    const EntryPtr idle = index_.LongestIdle();
    if (!idle) break;
    MakeRoom(idle, later);
  }
  // One timer, which looks again when it fires, is enough: most entries are used before they expire.
  if (!options_.max_idle || expires_) return;
  const EntryPtr next = index_.LongestIdle();
  if (!next) return;
  const auto left = next->idle_since + *options_.max_idle - steady_clock::now();
  expires_ = true;
  expiry_ = loop_->After(std::max(std::chrono::ceil<Loop::Duration>(left), Loop::Duration(0)),
                         [this] { ExpireIdle(); });
}

void CardCache::ExpireIdle() {
  const std::shared_ptr<CardCache> self = shared_from_this();
  expires_ = false;
  Later later;
  const auto expired = [this](const EntryPtr& entry) {
    return entry && steady_clock::now() - entry->idle_since >= *options_.max_idle;
  };
  for (EntryPtr idle = index_.LongestIdle(); expired(idle); idle = index_.LongestIdle()) {
    ++counts_.expirations;
    Drop(idle, later);
  }
  Trim(later);
  RunAll(later);
}

void CardCache::EndAndRelease(const EntryPtr& entry, Disposition disposition,
                              std::function<void(Result<Done>)> answer) {
  assert(entry->busy);
  entry->card->End(disposition,
                   [self = shared_from_this(), entry, answer = std::move(answer)](Result<Done> ended) {
                     Later later;
                     entry->info.last_used = std::chrono::system_clock::now();
                     if (ended) {
                       self->ReleaseEntry(entry, later);
                     } else {
                       entry->info.leased = false;
                       self->Drop(entry, later);
                     }
                     RunAll(later);
                     answer(std::move(ended));
                   });
}

std::vector<CacheEntryInfo> CardCache::Entries() const {
  std::vector<CacheEntryInfo> entries;
  for (const EntryPtr& entry : index_.All()) entries.push_back(entry->info);
  return entries;
}

std::size_t CardCache::Evict(const SessionIdentity& identity, std::function<void()> closed) {
  const std::vector<EntryPtr> entries = index_.OfSession(identity);
  DropAll(entries, std::move(closed));
  return entries.size();
}

void CardCache::Release(const SessionIdentity& identity, std::function<void()> closed) {
  DropAll(index_.Of(identity), std::move(closed));
}

void CardCache::DropAll(const std::vector<EntryPtr>& entries, std::function<void()> closed) {
  Later later;
  {
    const std::shared_ptr<void> last = AtLast(std::move(closed));
    for (const EntryPtr& entry : entries) Drop(entry, later, last);
  }
  RunAll(later);
}

void CardCache::DropGoneEntries(const Result<Monitor::Picture>& picture) {
  const auto card_gone = [&](const CacheEntryInfo& entry) {
    if (!picture) return true;
    const auto& readers = picture.value();
    const auto reader = std::find_if(readers.begin(), readers.end(),
                                     [&](const ReaderStatus& r) { return r.reader == entry.reader; });
    return reader == readers.end() || (reader->state & reader_state::kPresent) == 0;
  };
  Later later;
  for (const EntryPtr& entry : index_.All()) {
    // The lookup or lease that uses a busy entry detects this.
    if (entry->busy || !card_gone(entry->info)) continue;
    entry->use = 0;  // there is no card to reset
    Drop(entry, later);
  }
  RunAll(later);
}

void CardCache::Close(std::function<void()> closed) {
  closed_ = true;
  expiry_ = {};
  DropAll(index_.All(), std::move(closed));
}

Lease::~Lease() {
  if (cache_) End(Disposition::kReset, [](const Result<Done>&) {});
}

void Lease::End(Disposition disposition, std::function<void(Result<Done>)> answer) {
  assert(cache_ && cache_->loop()->OnThisThread() && entry_->busy && entry_->info.leased);
  const std::shared_ptr<CardCache> cache = std::move(cache_);
  cache_ = nullptr;
  cache->EndAndRelease(entry_, disposition, std::move(answer));
}

}  // namespace pcsc_bridge
