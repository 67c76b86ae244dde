// Bytes that may hold a PIN: wiped when they go.
#pragma once

#include <cstddef>
#include <utility>

#include "pcsc/types.h"

namespace pcsc_bridge {

// Overwrites memory in a way the compiler does not drop.
inline void Wipe(Bytes& bytes) {
  volatile std::uint8_t* data = bytes.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) data[i] = 0;
}

class SecretBytes {
 public:
  explicit SecretBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { Wipe(bytes_); }

  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

}  // namespace pcsc_bridge
