// The JSON library, under one name. Members keep the order in which they were set: people read along.
#pragma once

#include <nlohmann/json.hpp>

namespace pcsc_bridge::agent {

using Json = nlohmann::ordered_json;

}  // namespace pcsc_bridge::agent
