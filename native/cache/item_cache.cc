#include "cache/item_cache.h"

#include <iterator>

#include "pcsc/secret.h"

namespace pcsc_bridge {
namespace {

Error Failed(Status code, const char* operation) {
  return Error{code, operation, "", ""};
}

}  // namespace

ItemCache::Item::~Item() {
  Wipe(data);
}

Result<Bytes> ItemCache::Read(const ItemKey& key, std::uint32_t freshness) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return Failed(status::kCacheItemNotFound, "SCardReadCache");
  const Items::iterator item = found->second;
  if (item->freshness < freshness) {
    Drop(item);
    return Failed(status::kCacheItemStale, "SCardReadCache");
  }
  if (item->freshness > freshness) return Failed(status::kCacheItemNotFound, "SCardReadCache");
  items_.splice(items_.begin(), items_, item);
  return item->data;
}

Result<Done> ItemCache::Write(const ItemKey& key, std::uint32_t freshness, Bytes data) {
  if (data.size() > limits_.item_bytes || key.name.size() + data.size() > limits_.total_bytes) {
    Wipe(data);
    return Failed(status::kCacheItemTooBig, "SCardWriteCache");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto earlier = index_.find(key);
  if (earlier != index_.end()) Drop(earlier->second);
  items_.emplace_front(key, freshness, std::move(data));
  index_.emplace(key, items_.begin());
  bytes_ += items_.front().bytes();
  while (bytes_ > limits_.total_bytes || items_.size() > limits_.items) Drop(std::prev(items_.end()));
  return Done{};
}

void ItemCache::Drop(Items::iterator item) {
  bytes_ -= item->bytes();
  index_.erase(item->key);
  items_.erase(item);
}

}  // namespace pcsc_bridge
