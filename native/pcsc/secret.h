// Bytes that may contain a PIN: wiped when they are destroyed.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "pcsc/types.h"

namespace pcsc_bridge {

// Overwrites memory in a way that the compiler cannot remove.
inline void Wipe(volatile std::uint8_t* data, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) data[i] = 0;
}

inline void Wipe(Bytes& bytes) {
  Wipe(bytes.data(), bytes.size());
}

inline void Wipe(std::vector<Bytes>& list) {
  for (Bytes& bytes : list) Wipe(bytes);
}

template <class Content>
class Secret {
 public:
  explicit Secret(Content content) : content_(std::move(content)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { Wipe(content_); }

  const Content& bytes() const { return content_; }

 private:
  Content content_;
};

using SecretBytes = Secret<Bytes>;
using SecretList = Secret<std::vector<Bytes>>;

}  // namespace pcsc_bridge
