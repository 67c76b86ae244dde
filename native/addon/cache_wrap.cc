#include "addon/cache_wrap.h"

#include <algorithm>
#include <utility>

#include "addon/connection_wrap.h"
#include "addon/convert.h"
#include "addon/promise.h"
#include "addon/session.h"
#include "backend/choice.h"
#include "cache/connection_card.h"
#include "loop/on_loop.h"

namespace pcsc_bridge::addon {
namespace {

std::optional<CardId> ToCardId(const Napi::Value& value) {
  if (value.IsNull() || value.IsUndefined()) return std::nullopt;
  const Bytes bytes = ToBytes(value, "cardId");
  CardId id{};
  if (bytes.size() != id.size()) throw Napi::RangeError::New(value.Env(), "cardId must have 16 bytes");
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

Napi::Value FromLease(Napi::Env env, std::shared_ptr<Lease>& lease) {
  return ConnectionWrap::Lend(env, std::move(lease));
}

CardCacheOptions ToOptions(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  CardCacheOptions options;
  options.filter = object.Get("filter").ToBoolean();
  options.max_entries = ToUint32(object.Get("maxEntries"), "maxEntries");
  const Napi::Value max_idle = object.Get("maxIdle");
  options.max_idle.reset();
  if (max_idle.IsNumber())
    options.max_idle = std::chrono::milliseconds(max_idle.As<Napi::Number>().Int64Value());
  return options;
}

}  // namespace

Napi::Function CacheWrap::Define(Napi::Env env) {
  return DefineClass(env, "CardCache",
                     {
                         InstanceMethod<&CacheWrap::Acquire>("acquire"),
                         InstanceMethod<&CacheWrap::Entries>("entries"),
                         InstanceMethod<&CacheWrap::Counts>("counts"),
                         InstanceMethod<&CacheWrap::Evict>("evict"),
                         InstanceMethod<&CacheWrap::Release>("release"),
                         InstanceMethod<&CacheWrap::Close>("close"),
                     });
}

CacheWrap::CacheWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CacheWrap>(info) {
  BeforePcsc(info.Env());
  if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "options must be an object");
  const std::shared_ptr<Scope>& scope = Environment::Of(info.Env()).queue->scope();
  loop_ = scope->loop();
  cache_ = CardCache::Create(loop_, ConnectionCards(scope, backend::OfProcess(), CardUsers::OfProcess()),
                             ToOptions(info[0]), CardUsers::OfProcess());
}

CacheWrap::~CacheWrap() {
  if (!cache_) return;
  loop_->Execute([cache = std::move(cache_), watch = std::move(watch_)] { cache->Close(nullptr); });
}

void CacheWrap::Watch() {
  if (watch_) return;
  const std::shared_ptr<Monitor> monitor = Monitor::OfProcess();
  if (!monitor) return;
  watch_ = monitor->Subscribe(loop_, [cache = std::weak_ptr<CardCache>(cache_)](const auto& picture) {
    if (const std::shared_ptr<CardCache> alive = cache.lock()) alive->DropGoneEntries(picture);
  });
}

Napi::Value CacheWrap::Acquire(const Napi::CallbackInfo& info) {
  const CardOwner& owner = OwnerWrap::Of(info[0]);
  CacheTarget target;
  target.reader = ToString(info[1], "reader");
  target.card_id = ToCardId(info[2]);
  target.protocols = ToUint32(info[3], "protocols");
  const LookupOptions options{owner.trusts_unknown, info[4].ToBoolean()};
  Watch();
  using LeasePtr = std::shared_ptr<Lease>;
  Promised<LeasePtr> promised = MakePromise<LeasePtr>(info.Env(), FromLease, this);
  loop_->Execute([cache = cache_, identity = owner.identity, target, options, loop = loop_,
                  answer = std::move(promised.answer), token = CancelWrap::TokenOf(info[5])] {
    const std::shared_ptr<Cancellable> lookup =
        cache->Acquire(identity, target, options, [loop, answer](Result<Lease> lease) {
          if (!lease) return answer(lease.error());
          answer(OwnedOnLoop(loop, std::make_unique<Lease>(std::move(*lease))));
        });
    if (token) token->Bind(lookup);
  });
  return promised.promise;
}

Napi::Value CacheWrap::Entries(const Napi::CallbackInfo& info) {
  const std::vector<CacheEntryInfo> entries = loop_->Sync([this] { return cache_->Entries(); });
  Napi::Array array = Napi::Array::New(info.Env(), entries.size());
  for (std::uint32_t i = 0; i < entries.size(); ++i) array.Set(i, FromEntry(info.Env(), entries[i]));
  return array;
}

Napi::Value CacheWrap::Counts(const Napi::CallbackInfo& info) {
  const CacheCounts counts = loop_->Sync([this] { return cache_->counts(); });
  Napi::Object object = Napi::Object::New(info.Env());
  const auto set = [&object](const char* name, std::uint64_t count) {
    object.Set(name, static_cast<double>(count));
  };
  set("hits", counts.hits);
  set("misses", counts.misses);
  set("evictions", counts.evictions);
  set("expirations", counts.expirations);
  set("resets", counts.resets);
  return object;
}

Napi::Value CacheWrap::Evict(const Napi::CallbackInfo& info) {
  const SessionIdentity identity = ToIdentity(info[0], "identity");
  const std::size_t evicted = loop_->Sync([this, &identity] { return cache_->Evict(identity); });
  return Napi::Number::New(info.Env(), static_cast<double>(evicted));
}

Napi::Value CacheWrap::Release(const Napi::CallbackInfo& info) {
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined, this);
  loop_->Execute(
      [cache = cache_, identity = ToIdentity(info[0], "identity"), answer = std::move(promised.answer)] {
        cache->Release(identity, [answer] { answer(Done{}); });
      });
  return promised.promise;
}

Napi::Value CacheWrap::Close(const Napi::CallbackInfo& info) {
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined, this);
  loop_->Execute([cache = cache_, watch = std::move(watch_), answer = std::move(promised.answer)] {
    cache->Close([answer] { answer(Done{}); });
  });
  return promised.promise;
}

}  // namespace pcsc_bridge::addon
