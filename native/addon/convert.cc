#include "addon/convert.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "addon/environment.h"

namespace pcsc_bridge::addon {
namespace {

[[noreturn]] void ThrowType(const Napi::Value& value, const char* name, const char* wanted) {
  throw Napi::TypeError::New(value.Env(), std::string(name) + " must be " + wanted);
}

// Below this, V8's own memory is cheaper than a finalizer.
constexpr std::size_t kLongFrom = 16 * 1024;

// An ArrayBuffer that shares the memory; null where the environment has no external buffers (Electron).
napi_value MakeExternal(Napi::Env env, std::shared_ptr<std::uint8_t> memory, std::size_t size) {
  using Owner = std::shared_ptr<std::uint8_t>;
  auto owner = std::make_unique<Owner>(std::move(memory));
  const auto release = [](napi_env, void*, void* hint) {
    const std::unique_ptr<Owner> gone(static_cast<Owner*>(hint));
  };
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env, owner->get(), size, release, owner.get(), &buffer) != napi_ok)
    return nullptr;
  owner.release();  // the buffer owns it now
  return buffer;
}

}  // namespace

std::uint32_t ToUint32(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) ThrowType(value, name, "a number");
  return value.As<Napi::Number>().Uint32Value();
}

std::string ToString(const Napi::Value& value, const char* name) {
  if (!value.IsString()) ThrowType(value, name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

Bytes ToBytes(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    ThrowType(value, name, "a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  return Bytes(array.Data(), array.Data() + array.ElementLength());
}

std::vector<Bytes> ToBytesList(const Napi::Value& value, const char* name) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() == 0) {
    ThrowType(value, name, "an array of Uint8Arrays, one or more");
  }
  const auto array = value.As<Napi::Array>();
  std::vector<Bytes> list;
  for (std::uint32_t i = 0; i < array.Length(); ++i) list.push_back(ToBytes(array.Get(i), name));
  return list;
}

SessionIdentity ToIdentity(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) ThrowType(value, name, "an object { id, connectTime }");
  const auto object = value.As<Napi::Object>();
  const Napi::Value time = object.Get("connectTime");
  if (!time.IsBigInt()) ThrowType(value, name, "an object whose connectTime is a bigint");
  bool lossless = false;
  SessionIdentity identity;
  identity.id = ToUint32(object.Get("id"), "id");
  identity.connect_time = time.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) ThrowType(value, name, "an object whose connectTime fits 64 bits");
  const Napi::Value instance = object.Get("instance");
  if (instance.IsNumber())
    identity.instance = static_cast<std::uint64_t>(instance.As<Napi::Number>().Int64Value());
  const Napi::Value user_id = object.Get("userId");
  if (user_id.IsString()) identity.user_id = user_id.As<Napi::String>().Utf8Value();
  return identity;
}

Napi::Value FromBytes(Napi::Env env, const Bytes& bytes) {
  if (bytes.size() >= kLongFrom) {
    const std::shared_ptr<std::uint8_t> memory = Environment::Of(env).long_memory.Take(bytes.size());
    if (memory) {
      std::copy(bytes.begin(), bytes.end(), memory.get());
      if (const napi_value buffer = MakeExternal(env, memory, bytes.size()))
        return Napi::Uint8Array::New(env, bytes.size(), Napi::ArrayBuffer(env, buffer), 0);
    }
  }
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  std::copy(bytes.begin(), bytes.end(), array.Data());
  return array;
}

Napi::Value FromIdentity(Napi::Env env, const SessionIdentity& identity) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", Napi::Number::New(env, identity.id));
  object.Set("connectTime", Napi::BigInt::New(env, identity.connect_time));
  if (!identity.user_id.empty()) object.Set("userId", identity.user_id);
  return object;
}

Napi::Value FromEntry(Napi::Env env, const CacheEntryInfo& entry) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", Napi::Number::New(env, static_cast<double>(entry.id)));
  object.Set("identity", FromIdentity(env, entry.identity));
  object.Set("reader", entry.reader);
  object.Set("atr", FromBytes(env, entry.atr));
  object.Set("protocol", entry.protocol);
  object.Set("cardId", entry.card_id ? FromBytes(env, Bytes(entry.card_id->begin(), entry.card_id->end()))
                                     : env.Null());
  const auto last_used = duration_cast<milliseconds>(entry.last_used.time_since_epoch());
  object.Set("lastUsedMs", Napi::Number::New(env, static_cast<double>(last_used.count())));
  object.Set("leased", entry.leased);
  return object;
}

Napi::Value FromEvaluation(Napi::Env env, const Evaluation& evaluation) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("entry", Napi::Number::New(env, static_cast<double>(evaluation.entry)));
  object.Set("reader", evaluation.reader);
  object.Set("openedBy", FromIdentity(env, evaluation.opened_by));
  object.Set("valid", evaluation.valid);
  object.Set("waited", evaluation.waited);
  object.Set("durationMs", static_cast<double>(evaluation.duration.count()) / 1000);
  return object;
}

}  // namespace pcsc_bridge::addon
