#include "addon/convert.h"

#include <algorithm>

namespace pcsc_bridge::addon {
namespace {

[[noreturn]] void ThrowType(const Napi::Value& value, const char* name, const char* wanted) {
  throw Napi::TypeError::New(value.Env(), std::string(name) + " must be " + wanted);
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
  return identity;
}

Napi::Value FromBytes(Napi::Env env, const Bytes& bytes) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, bytes.size());
  std::copy(bytes.begin(), bytes.end(), array.Data());
  return array;
}

Napi::Value FromIdentity(Napi::Env env, const SessionIdentity& identity) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", Napi::Number::New(env, identity.id));
  object.Set("connectTime", Napi::BigInt::New(env, identity.connect_time));
  return object;
}

}  // namespace pcsc_bridge::addon
