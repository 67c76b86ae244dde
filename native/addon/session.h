// Session identity, peers, and the stored filter setting.
#pragma once

#include <napi.h>

#include "card/card_users.h"

namespace pcsc_bridge::addon {

// new Owner(identity, guarded, trustsUnknown): the owner of cards, read once. See CardOwner.
class OwnerWrap : public Napi::ObjectWrap<OwnerWrap> {
 public:
  static Napi::Function Define(Napi::Env env) { return DefineClass(env, "Owner", {}); }
  explicit OwnerWrap(const Napi::CallbackInfo& info);

  // Of the Owner in `value`, which keeps it.
  static const CardOwner& Of(const Napi::Value& value);

 private:
  CardOwner owner_;
};

// sessionOf(pid): a promise of the terminal session of a process, 0 for this one. See NativeAddon in
// src/native/types.ts.
Napi::Value SessionOf(const Napi::CallbackInfo& info);

// newSessionInstance(): see SessionIdentity::instance.
Napi::Value NewInstance(const Napi::CallbackInfo& info);

// peerOf(fd): a promise of the peer of a connected Unix socket (on Windows: named pipe).
Napi::Value PeerOf(const Napi::CallbackInfo& info);

// peerUser(fd): the peer's user id, synchronously.
Napi::Value PeerUser(const Napi::CallbackInfo& info);

// filterSetting(): the system-wide setting of the card cache's filter.
Napi::Value ReadFilter(const Napi::CallbackInfo& info);

}  // namespace pcsc_bridge::addon
