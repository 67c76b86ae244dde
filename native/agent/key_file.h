// The key that an agent shares with its controller, and the file that holds it.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "pcsc/types.h"

namespace pcsc_bridge::agent {

// Thrown if a key file cannot be used; a sentence for people, without the key.
class BadKeyFile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The agent's heap wipes the key when it is freed.
struct Key {
  std::string identity;  // "broker" or "user:NAME"; TLS sends it
  Bytes bytes;           // 32

  std::string role() const { return identity.substr(0, identity.find(':')); }
  // The user's name; the broker's is its role.
  std::string name() const { return identity.substr(identity.find(':') + 1); }
};

// A line "IDENTITY KEY", the key in hexadecimal; no value if the text has another form.
std::optional<Key> ParseKey(std::string_view text);

// Throws BadKeyFile, also if other users may read the file.
Key ReadKeyFile(const std::string& path);

}  // namespace pcsc_bridge::agent
