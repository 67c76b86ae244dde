#include "cache/host_items.h"
#include "cache/system_items.h"
#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

SystemItems* System(const Library& library) {
  static Immortal<SystemItems> items(library);
  return &*items;
}

// For libraries without the two functions: Windows has them since Vista and Server 2008, Wine has not.
ItemCache& OfProcess() {
  static Immortal<ItemCache> items;
  return *items;
}

bool HasItems(const Library& library) {
  return library.read_cache != nullptr && library.write_cache != nullptr;
}

}  // namespace

std::shared_ptr<Cancellable> ReadHostItem(ItemKey key, std::uint32_t freshness, ItemRead answer) {
  const Result<const Library*> library = Library::Load();
  if (!library) {
    answer(library.error());
    return nullptr;
  }
  if (HasItems(*library.value())) {
    return System(*library.value())->Read(std::move(key), freshness, std::move(answer));
  }
  answer(OfProcess().Read(key, freshness));
  return nullptr;
}

std::shared_ptr<Cancellable> WriteHostItem(ItemKey key, std::uint32_t freshness, Bytes data,
                                           ItemWritten answer) {
  const Result<const Library*> library = Library::Load();
  if (!library) {
    answer(library.error());
    return nullptr;
  }
  if (HasItems(*library.value())) {
    return System(*library.value())->Write(std::move(key), freshness, std::move(data), std::move(answer));
  }
  answer(OfProcess().Write(key, freshness, std::move(data)));
  return nullptr;
}

}  // namespace pcsc_bridge
