// CardCache in JavaScript; see NativeCardCache in src/native/types.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "cache/card_cache.h"
#include "readers/monitor.h"

namespace pcsc_bridge::addon {

class CacheWrap : public Napi::ObjectWrap<CacheWrap> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit CacheWrap(const Napi::CallbackInfo& info);
  ~CacheWrap() override;

 private:
  Napi::Value Acquire(const Napi::CallbackInfo& info);
  Napi::Value Entries(const Napi::CallbackInfo& info);
  Napi::Value Counts(const Napi::CallbackInfo& info);
  Napi::Value Evict(const Napi::CallbackInfo& info);
  Napi::Value Release(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  void Watch();

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<CardCache> cache_;
  std::shared_ptr<Monitor::Subscription>
      watch_;  // from the first lookup on: drops entries whose card was removed
};

}  // namespace pcsc_bridge::addon
