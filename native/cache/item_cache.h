// Data items read from cards, kept in memory for later readers: the semantics of SCardReadCache and
// SCardWriteCache (learn.microsoft.com, winscard.h) for systems without such a cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "cache/cache_types.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

// The key of an item. The name is UTF-8, compared byte by byte.
struct ItemKey {
  CardId card{};
  std::string name;
};

// Thread safe; waits only for its own short lock. When it is full it drops the least recently used items.
// Dropped items are wiped.
class ItemCache {
 public:
  struct Limits {
    std::size_t item_bytes = 65'536;  // of one item's data: as many as MS-RDPESC carries (2.2.2.27, pbData)
    std::size_t total_bytes = 8 * 1024 * 1024;  // names and data of all items
    std::size_t items = 4096;
  };

  ItemCache() : ItemCache(Limits{}) {}
  explicit ItemCache(Limits limits) : limits_(limits) {}
  ItemCache(const ItemCache&) = delete;
  ItemCache& operator=(const ItemCache&) = delete;

  // Returns the item's data. `freshness` is the card's present counter:
  // SCARD_W_CACHE_ITEM_STALE: the item was stored under a lower counter; it has been deleted.
  // SCARD_W_CACHE_ITEM_NOT_FOUND: there is no item with this key and freshness. An item that was stored
  // under a higher counter does not match, but stays for callers with the newer counter.
  Result<Bytes> Read(const ItemKey& key, std::uint32_t freshness);

  // Stores the item in place of an earlier one of this key. SCARD_W_CACHE_ITEM_TOO_BIG: the earlier one, if
  // any, is untouched.
  Result<Done> Write(const ItemKey& key, std::uint32_t freshness, Bytes data);

 private:
  struct Item {
    Item(ItemKey k, std::uint32_t f, Bytes d) : key(std::move(k)), freshness(f), data(std::move(d)) {}
    Item(const Item&) = delete;
    Item& operator=(const Item&) = delete;
    ~Item();
    std::size_t bytes() const { return key.name.size() + data.size(); }

    ItemKey key;
    std::uint32_t freshness;
    Bytes data;
  };
  struct Less {
    bool operator()(const ItemKey& a, const ItemKey& b) const {
      return a.card != b.card ? a.card < b.card : a.name < b.name;
    }
  };
  using Items = std::list<Item>;

  void Drop(Items::iterator item);

  const Limits limits_;
  std::mutex mutex_;
  Items items_;  // the one used last is the first
  std::map<ItemKey, Items::iterator, Less> index_;
  std::size_t bytes_ = 0;
};

}  // namespace pcsc_bridge
