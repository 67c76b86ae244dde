#include "addon/cache_wrap.h"

#include <algorithm>
#include <utility>

#include "addon/channel_wrap.h"
#include "addon/convert.h"
#include "addon/promise.h"
#include "cache/channel_card.h"

namespace pcsc_bridge::addon {
namespace {

Napi::Value FromCardId(Napi::Env env, const std::optional<CardId>& id) {
  if (!id) return env.Null();
  return FromBytes(env, Bytes(id->begin(), id->end()));
}

std::optional<CardId> ToCardId(const Napi::Value& value) {
  if (value.IsNull() || value.IsUndefined()) return std::nullopt;
  const Bytes bytes = ToBytes(value, "cardId");
  CardId id{};
  if (bytes.size() != id.size()) throw Napi::RangeError::New(value.Env(), "cardId must have 16 bytes");
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

Napi::Object FromEntry(Napi::Env env, const CacheEntryInfo& entry) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  Napi::Object object = Napi::Object::New(env);
  object.Set("entry", Napi::Number::New(env, static_cast<double>(entry.id)));
  object.Set("identity", FromIdentity(env, entry.identity));
  object.Set("reader", entry.reader);
  object.Set("atr", FromBytes(env, entry.atr));
  object.Set("cardId", FromCardId(env, entry.card_id));
  const auto last_used = duration_cast<milliseconds>(entry.last_used.time_since_epoch());
  object.Set("lastUsedMs", Napi::Number::New(env, static_cast<double>(last_used.count())));
  object.Set("leased", entry.leased);
  return object;
}

Napi::Object FromEvaluation(Napi::Env env, const Evaluation& evaluation) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("entry", Napi::Number::New(env, static_cast<double>(evaluation.entry)));
  object.Set("reader", evaluation.reader);
  object.Set("openedBy", FromIdentity(env, evaluation.opened_by));
  object.Set("valid", evaluation.valid);
  object.Set("waited", evaluation.waited);
  object.Set("durationMs", static_cast<double>(evaluation.duration.count()) / 1000);
  return object;
}

Napi::Value Undefined(Napi::Env env, Done&) {
  return env.Undefined();
}
Napi::Value FromLease(Napi::Env env, Lease& lease) {
  return LeaseWrap::Wrap(env, std::move(lease));
}

}  // namespace

Napi::Function CacheWrap::Define(Napi::Env env) {
  return DefineClass(env, "CardCache",
                     {
                         InstanceMethod<&CacheWrap::Acquire>("acquire"),
                         InstanceMethod<&CacheWrap::Entries>("entries"),
                         InstanceMethod<&CacheWrap::Evict>("evict"),
                         InstanceMethod<&CacheWrap::Close>("close"),
                     });
}

CacheWrap::CacheWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CacheWrap>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsBoolean()) throw Napi::TypeError::New(env, "filter must be a boolean");
  const Result<const Library*> library = Library::Load();
  if (!library) throw Napi::Error(env, ToJs(env, library.error()));
  library_ = library.value();
  cache_ = CardCache::Create(ChannelCards(*library_), info[0].As<Napi::Boolean>(), CardUsers::OfProcess());
}

CacheWrap::~CacheWrap() {
  if (monitor_) monitor_->Stop();
  if (cache_) cache_->Close(nullptr);
}

void CacheWrap::Watch() {
  if (monitor_) return;
  monitor_ = Monitor::Start(*library_, [cache = std::weak_ptr<CardCache>(cache_)](const auto& picture) {
    if (const std::shared_ptr<CardCache> alive = cache.lock()) alive->Observe(picture);
  });
}

Napi::Value CacheWrap::Acquire(const Napi::CallbackInfo& info) {
  const SessionIdentity identity = ToIdentity(info[0], "identity");
  CacheTarget target;
  target.reader = ToString(info[1], "reader");
  target.card_id = ToCardId(info[2]);
  Watch();
  Promised<Lease> promised = MakePromise<Lease>(info.Env(), FromLease, this);
  CancelWrap::Bind(info[3], cache_->Acquire(identity, std::move(target), std::move(promised.answer)));
  return promised.promise;
}

Napi::Value CacheWrap::Entries(const Napi::CallbackInfo& info) {
  const std::vector<CacheEntryInfo> entries = cache_->Entries();
  Napi::Array array = Napi::Array::New(info.Env(), entries.size());
  for (std::uint32_t i = 0; i < entries.size(); ++i) array.Set(i, FromEntry(info.Env(), entries[i]));
  return array;
}

Napi::Value CacheWrap::Evict(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const SessionIdentity identity = ToIdentity(info[0], "identity");
  Promised<Done> promised = MakePromise<Done>(env, Undefined, this);
  const std::size_t evicted =
      cache_->Evict(identity, [answer = std::move(promised.answer)] { answer(Done{}); });
  Napi::Object object = Napi::Object::New(env);
  object.Set("evicted", Napi::Number::New(env, static_cast<double>(evicted)));
  object.Set("closed", promised.promise);
  return object;
}

Napi::Value CacheWrap::Close(const Napi::CallbackInfo& info) {
  if (monitor_) std::exchange(monitor_, nullptr)->Stop();
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined, this);
  cache_->Close([answer = std::move(promised.answer)] { answer(Done{}); });
  return promised.promise;
}

Napi::Function LeaseWrap::Define(Napi::Env env) {
  return DefineClass(env, "Lease", {InstanceMethod<&LeaseWrap::End>("end")});
}

Napi::Object LeaseWrap::Wrap(Napi::Env env, Lease lease) {
  return Environment::Of(env).lease_class.New({Napi::External<Lease>::New(env, &lease)});
}

LeaseWrap::LeaseWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LeaseWrap>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsExternal()) throw Napi::TypeError::New(env, "leases are made by CardCache.acquire");
  lease_.emplace(std::move(*info[0].As<Napi::External<Lease>>().Data()));

  Napi::Object self = info.This().As<Napi::Object>();
  const std::vector<Evaluation>& evaluated = lease_->evaluated();
  Napi::Array list = Napi::Array::New(env, evaluated.size());
  for (std::uint32_t i = 0; i < evaluated.size(); ++i) list.Set(i, FromEvaluation(env, evaluated[i]));
  self.Set("entry", FromEntry(env, lease_->entry()));
  self.Set("evaluated", list);
  self.Set("fresh", lease_->fresh());
  self.Set("cardWasReset", lease_->card_was_reset());
  self.Set("channel", ChannelWrap::Wrap(env, lease_->channel()));
}

Napi::Value LeaseWrap::End(const Napi::CallbackInfo& info) {
  const auto disposition = static_cast<Disposition>(ToUint32(info[0], "disposition"));
  if (!lease_) throw Napi::Error::New(info.Env(), "this lease has ended already");
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined, this);
  lease_->End(disposition, std::move(promised.answer));
  lease_.reset();
  return promised.promise;
}

}  // namespace pcsc_bridge::addon
