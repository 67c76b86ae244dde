// Converts between JavaScript values and the core's types. An argument of the wrong type throws a
// TypeError.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "cache/cache_types.h"
#include "pcsc/types.h"
#include "session/session_identity.h"

namespace pcsc_bridge::addon {

std::uint32_t ToUint32(const Napi::Value& value, const char* name);
std::string ToString(const Napi::Value& value, const char* name);
Bytes ToBytes(const Napi::Value& value, const char* name);                   // a Uint8Array, copied
std::vector<Bytes> ToBytesList(const Napi::Value& value, const char* name);  // an array of one or more
// { id, connectTime: bigint, instance, userId }
SessionIdentity ToIdentity(const Napi::Value& value, const char* name);

// A copy, in an ArrayBuffer of its own.
Napi::Value FromBytes(Napi::Env env, const Bytes& bytes);
Napi::Value FromIdentity(Napi::Env env, const SessionIdentity& identity);
Napi::Value FromEntry(Napi::Env env, const CacheEntryInfo& entry);
Napi::Value FromEvaluation(Napi::Env env, const Evaluation& evaluation);

}  // namespace pcsc_bridge::addon
