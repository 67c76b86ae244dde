// Lines of the protocol: requests taken apart, answers put together.
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

// The object that a line is. Throws Refusal where it is none, is nested deeper or has more members than any
// message of the protocol, or has a member twice.
Json ParseObject(std::string_view line);

// Takes the member out of the object. Throws Refusal where there is none that will do.
std::uint64_t TakeId(Json& object);
std::string TakeCommand(Json& object);

// A line ready to be sent, in ASCII: it may go to a terminal. Never fails: what is not UTF-8 is replaced.
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
