// The host's item cache in JavaScript; see NativeAddon in src/native/addon.ts.
#pragma once

#include <napi.h>

namespace pcsc_bridge::addon {

// readItem(cardId, name, freshness[, cancel]): a promise of the item's data.
Napi::Value ReadItem(const Napi::CallbackInfo& info);

// writeItem(cardId, name, freshness, data[, cancel])
Napi::Value WriteItem(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
