// The item cache of this host. On Windows it is the system's, which all programs share. Elsewhere it
// belongs to this process, and all its JavaScript environments share it. host_items_posix.cc,
// host_items_windows.cc.
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

// Thread safe; they never wait and run in the order of the calls. Answered once, on any thread, possibly
// within the call. The returned object cancels; it is null if the answer has come already. Errors: those of
// ItemCache; on Windows also those of the smart card service.
std::shared_ptr<Cancellable> ReadHostItem(ItemKey key, std::uint32_t freshness, ItemRead answer);
std::shared_ptr<Cancellable> WriteHostItem(ItemKey key, std::uint32_t freshness, Bytes data,
                                           ItemWritten answer);

}  // namespace pcsc_bridge
