// The doctor in JavaScript; see NativeAddon in src/native/addon.ts.
#pragma once

#include <napi.h>

namespace pcsc_bridge::addon {

// doctor(): a promise of the report on this host.
Napi::Value Doctor(const Napi::CallbackInfo& info);

// daemonClients(): a promise of the processes that are connected to pcscd.
Napi::Value ListDaemonClients(const Napi::CallbackInfo& info);

// writeFilter(on): a promise; writes the system-wide setting of the card cache's filter.
Napi::Value WriteFilterSetting(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
