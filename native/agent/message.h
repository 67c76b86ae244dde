// Lines of the protocol: decodes requests, encodes answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/json.h"
#include "agent/refusal.h"
#include "cache/cache_types.h"
#include "pcsc/result.h"
#include "session/session.h"

namespace pcsc_bridge::agent {

// Decodes a line. Throws Refusal if it is not an object, is nested deeper or has more members than any
// message of the protocol, or has a member twice.
Json ParseObject(std::string_view line);

// Removes the member from the object. Throws Refusal if it is missing or invalid.
std::uint64_t TakeId(Json& object);
std::string TakeCommand(Json& object);

// A line to be sent, in ASCII, because it may go to a terminal. It never fails: bytes that are not UTF-8
// are replaced.
std::string ToLine(const Json& message);

Json ResultMessage(std::uint64_t id, Json result);
Json ErrorMessage(Json id, Json error);

Json ToJson(const Refusal& refusal);
Json ToJson(const Error& error);
Json ToJson(const SessionIdentity& identity);
Json ToJson(const Session& session);
Json ToJson(const CacheEntryInfo& entry);
Json ToJson(const Evaluation& evaluation);

// An error as a sentence with its code.
std::string Sentence(const Error& error);

}  // namespace pcsc_bridge::agent
