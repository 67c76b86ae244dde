// The pre-shared token that an agent shows to its controller.
#pragma once

#include <stdexcept>
#include <string>

namespace pcsc_bridge::agent {

// Thrown where there is no token to be had; a sentence for people, without the token.
class NoToken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// 16 to 256 printable ASCII characters, none of them a space.
bool IsToken(const std::string& text);

// The token in a file, or, where `file` is empty, in PCSC_BRIDGE_TOKEN. Throws NoToken.
std::string ReadToken(const std::string& file);

}  // namespace pcsc_bridge::agent
