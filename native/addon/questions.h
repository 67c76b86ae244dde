// Questions to the PC/SC service in JavaScript; see NativeAddon in src/native/addon.ts.
#pragma once

#include <napi.h>

namespace pcsc_bridge::addon {

// listReaders(groups, cancel), listReaderGroups(cancel), isValid(cancel), backend(): promises.
Napi::Value ListReaders(const Napi::CallbackInfo& info);
Napi::Value ListReaderGroups(const Napi::CallbackInfo& info);
Napi::Value IsValid(const Napi::CallbackInfo& info);
Napi::Value ChosenBackend(const Napi::CallbackInfo& info);
// usage(): the PC/SC contexts and abandoned calls of the process.
Napi::Value ReadUsage(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
