// CardCache and its leases in JavaScript; see NativeCardCache and NativeLease in src/native.ts.
#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "cache/card_cache.h"
#include "channel/monitor.h"

namespace pcsc_bridge::addon {

class CacheWrap : public Napi::ObjectWrap<CacheWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit CacheWrap(const Napi::CallbackInfo& info);
  ~CacheWrap() override;

 private:
  Napi::Value Acquire(const Napi::CallbackInfo& info);
  Napi::Value Entries(const Napi::CallbackInfo& info);
  Napi::Value Evict(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  void Watch();

  const Library* library_ = nullptr;
  std::shared_ptr<CardCache> cache_;
  std::shared_ptr<Monitor> monitor_;  // from the first lookup on: drops entries whose card has gone
};

// A lease; one that is collected without end() resets its card.
class LeaseWrap : public Napi::ObjectWrap<LeaseWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(Napi::Env env, Lease lease);
  explicit LeaseWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value End(const Napi::CallbackInfo& info);

  std::optional<Lease> lease_;
};

}  // namespace pcsc_bridge::addon
