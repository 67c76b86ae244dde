// Bytes as hexadecimal digits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pcsc/types.h"

namespace pcsc_bridge::agent {

std::string ToHex(const Bytes& bytes);  // lower case

// No value unless the text is an even number of hexadecimal digits, of either case.
std::optional<Bytes> FromHex(std::string_view text);

}  // namespace pcsc_bridge::agent
