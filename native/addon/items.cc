#include "addon/functions.h"

#include <algorithm>
#include <utility>

#include "addon/convert.h"
#include "addon/promise.h"
#include "cache/host_items.h"

namespace pcsc_bridge::addon {
namespace {

ItemKey ToItemKey(const Napi::CallbackInfo& info) {
  const Bytes card = ToBytes(info[0], "cardId");
  ItemKey key;
  if (card.size() != key.card.size()) throw Napi::RangeError::New(info.Env(), "cardId must have 16 bytes");
  std::copy(card.begin(), card.end(), key.card.begin());
  key.name = ToString(info[1], "name");
  return key;
}

}  // namespace

Napi::Value ReadItem(const Napi::CallbackInfo& info) {
  BeforePcsc(info.Env());
  ItemKey key = ToItemKey(info);
  const std::uint32_t freshness = ToUint32(info[2], "freshness");
  Promised<Bytes> promised =
      MakePromise<Bytes>(info.Env(), [](Napi::Env env, Bytes& data) { return FromBytes(env, data); });
  const std::shared_ptr<Cancellable> operation =
      ReadHostItem(std::move(key), freshness, std::move(promised.answer));
  if (const auto token = CancelWrap::TokenOf(info[3])) token->Bind(operation);
  return promised.promise;
}

Napi::Value WriteItem(const Napi::CallbackInfo& info) {
  BeforePcsc(info.Env());
  ItemKey key = ToItemKey(info);
  const std::uint32_t freshness = ToUint32(info[2], "freshness");
  Bytes data = ToBytes(info[3], "data");
  Promised<Done> promised = MakePromise<Done>(info.Env(), Undefined);
  const std::shared_ptr<Cancellable> operation =
      WriteHostItem(std::move(key), freshness, std::move(data), std::move(promised.answer));
  if (const auto token = CancelWrap::TokenOf(info[4])) token->Bind(operation);
  return promised.promise;
}

}  // namespace pcsc_bridge::addon
