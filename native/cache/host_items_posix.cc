#include "cache/host_items.h"
#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

ItemCache& Items() {
  static Immortal<ItemCache> items;
  return *items;
}

}  // namespace

std::shared_ptr<Cancellable> ReadHostItem(ItemKey key, std::uint32_t freshness, ItemRead answer) {
  answer(Items().Read(key, freshness));
  return nullptr;
}

std::shared_ptr<Cancellable> WriteHostItem(ItemKey key, std::uint32_t freshness, Bytes data,
                                           ItemWritten answer) {
  answer(Items().Write(key, freshness, std::move(data)));
  return nullptr;
}

}  // namespace pcsc_bridge
