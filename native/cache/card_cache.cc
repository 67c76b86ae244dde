#include "cache/card_cache.h"

#include <algorithm>
#include <utility>

#include "cache/acquisition.h"

namespace pcsc_bridge {
namespace {

// Calls `action` when the last of those who hold the result lets go.
std::shared_ptr<void> AtLast(std::function<void()> action) {
  return std::shared_ptr<void>(nullptr, [action = std::move(action)](void*) {
    if (action) action();
  });
}

}  // namespace

std::shared_ptr<CardCache> CardCache::Create(CachedCardFactory make_card, bool filter,
                                             std::shared_ptr<CardUsers> users) {
  struct Shared : CardCache {
    Shared(CachedCardFactory m, bool f, std::shared_ptr<CardUsers> u)
        : CardCache(std::move(m), f, std::move(u)) {}
  };
  return std::make_shared<Shared>(std::move(make_card), filter, std::move(users));
}

std::shared_ptr<Cancellable> CardCache::Acquire(const SessionIdentity& identity, CacheTarget target,
                                                std::function<void(Result<Lease>)> answer) {
  Later later;
  if (filter_) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const EntryPtr& entry : index_.Outlived(identity)) {
      // The wanted reader's card is reset when the asker gets it (MustReset); a second reset would only be
      // late.
      const bool reset_anyway = entry->info.reader == target.reader;
      Drop(entry, reset_anyway ? Disposition::kLeave : Disposition::kReset, later);
    }
  }
  for (const auto& action : later) action();
  auto acquisition =
      std::make_shared<Acquisition>(shared_from_this(), identity, std::move(target), std::move(answer));
  acquisition->Advance();
  return acquisition;
}

std::vector<CacheIndex::EntryPtr> CardCache::Candidates(const SessionIdentity& identity,
                                                        const CacheTarget& target) const {
  return filter_ ? index_.Own(identity, target) : index_.All();
}

void CardCache::Drop(const EntryPtr& entry, Disposition disposition, Later& later,
                     std::shared_ptr<void> hold) {
  index_.Erase(*entry);
  for (const std::shared_ptr<Acquisition>& waiter : entry->waiting) {
    later.push_back([waiter] { waiter->Advance(); });
  }
  entry->waiting.clear();
  // A lease goes on to its end; EndClaim closes the card then.
  if (entry->info.leased) return;
  later.push_back(
      [card = entry->card, disposition, hold = std::move(hold)] { card->Close(disposition, [hold] {}); });
}

void CardCache::PassOn(const EntryPtr& entry, Later& later) {
  entry->info.leased = false;
  if (entry->gone) {
    later.push_back([card = entry->card] { card->Close(Disposition::kReset); });
    return;
  }
  if (entry->waiting.empty()) {
    entry->busy = false;
    return;
  }
  // Stays busy: nobody slips in between.
  const std::shared_ptr<Acquisition> next = entry->waiting.front();
  entry->waiting.pop_front();
  next->handed_over_ = true;
  later.push_back([next] { next->Advance(); });
}

void CardCache::EndClaim(const EntryPtr& entry, Disposition disposition,
                         std::function<void(Result<Done>)> answer) {
  entry->card->End(disposition, [self = shared_from_this(), entry, disposition,
                                 answer = std::move(answer)](Result<Done> ended) {
    Later later;
    {
      const std::lock_guard<std::mutex> lock(self->mutex_);
      entry->info.last_used = std::chrono::system_clock::now();
      if (ended) {
        // The transaction is over: another may have leased the reader's card meanwhile.
        if (disposition != Disposition::kLeave) self->users_->Forget(entry->info.reader, entry->use);
        self->PassOn(entry, later);
      } else {
        entry->info.leased = false;
        self->Drop(entry, Disposition::kLeave, later);
      }
    }
    for (const auto& action : later) action();
    answer(std::move(ended));
  });
}

std::vector<CacheEntryInfo> CardCache::Entries() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<CacheEntryInfo> entries;
  for (const EntryPtr& entry : index_.All()) entries.push_back(entry->info);
  return entries;
}

std::size_t CardCache::Evict(const SessionIdentity& identity, std::function<void()> closed) {
  Later later;
  std::size_t evicted = 0;
  {
    const std::shared_ptr<void> last = AtLast(std::move(closed));
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const EntryPtr& entry : index_.Of(identity)) {
      Drop(entry, Disposition::kReset, later, last);
      ++evicted;
    }
  }
  for (const auto& action : later) action();
  return evicted;
}

void CardCache::Observe(const Result<Monitor::Picture>& picture) {
  const auto card_gone = [&](const CacheEntryInfo& entry) {
    if (!picture) return true;
    const auto& readers = picture.value();
    const auto reader = std::find_if(readers.begin(), readers.end(),
                                     [&](const ReaderStatus& r) { return r.reader == entry.reader; });
    return reader == readers.end() || (reader->state & reader_state::kPresent) == 0;
  };
  Later later;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const EntryPtr& entry : index_.All()) {
      // One that is busy is found out by whoever uses it.
      if (!entry->busy && card_gone(entry->info)) Drop(entry, Disposition::kLeave, later);
    }
  }
  for (const auto& action : later) action();
}

void CardCache::Close(std::function<void()> closed) {
  Later later;
  {
    const std::shared_ptr<void> last = AtLast(std::move(closed));
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    for (const EntryPtr& entry : index_.All()) Drop(entry, Disposition::kReset, later, last);
  }
  for (const auto& action : later) action();
}

Lease::~Lease() {
  if (cache_) End(Disposition::kReset, [](const Result<Done>&) {});
}

void Lease::End(Disposition disposition, std::function<void(Result<Done>)> answer) {
  const std::shared_ptr<CardCache> cache = std::move(cache_);
  cache_ = nullptr;
  cache->EndClaim(entry_, disposition, std::move(answer));
}

}  // namespace pcsc_bridge
