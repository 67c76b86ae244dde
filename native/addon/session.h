// Session identity, peers, and the stored filter setting.
#pragma once

#include <napi.h>

namespace pcsc_bridge::addon {

// sessionOf(pid): a promise of the terminal session of a process, 0 for this one. See NativeAddon in
// src/native.ts.
Napi::Value SessionOf(const Napi::CallbackInfo& info);

// newSessionInstance(): see SessionIdentity::instance.
Napi::Value NewInstance(const Napi::CallbackInfo& info);

// peerOf(fd): a promise of who is at the other end of a connected Unix socket (on Windows: named pipe).
Napi::Value PeerOf(const Napi::CallbackInfo& info);

// filterSetting(): the system-wide setting of the card cache's filter.
Napi::Value ReadFilter(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
