// The item cache of this host. On Windows it is the system's, which all programs share; elsewhere one of this
// process's, which all its JavaScript environments share. host_items_posix.cc, host_items_windows.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "cache/item_cache.h"
#include "loop/cancellable.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

using ItemRead = std::function<void(Result<Bytes>)>;
using ItemWritten = std::function<void(Result<Done>)>;

// Thread safe, never wait, done in order of the calls. Answered once, on any thread, perhaps within the call.
// What is returned cancels; null when answered already. Errors: those of ItemCache; on Windows also those of
// the smart card service.
std::shared_ptr<Cancellable> ReadHostItem(ItemKey key, std::uint32_t freshness, ItemRead answer);
std::shared_ptr<Cancellable> WriteHostItem(ItemKey key, std::uint32_t freshness, Bytes data,
                                           ItemWritten answer);

}  // namespace pcsc_bridge
