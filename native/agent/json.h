// The JSON library, under one name. Members keep the order in which they were set: people read along.
#pragma once

#include <cstdint>
#include <cstdlib>

// Not assert: on Windows it would be a dialogue.
#define JSON_ASSERT(condition) ((condition) ? static_cast<void>(0) : std::abort())
#include <nlohmann/json.hpp>

namespace pcsc_bridge::agent {

using Json = nlohmann::ordered_json;

// The largest integer up to which a JavaScript number is exact.
constexpr std::uint64_t kLargestNumber = 9007199254740991;

}  // namespace pcsc_bridge::agent
