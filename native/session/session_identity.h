// Who asks: the key of the card cache (KB949538: session id and session connect time).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace pcsc_bridge {

struct SessionIdentity {
  std::uint32_t id = 0;
  // 100-ns ticks since 1601-01-01 UTC (FILETIME); 0 = unknown, which never equals a known time.
  std::uint64_t connect_time = 0;

  friend bool operator==(const SessionIdentity& a, const SessionIdentity& b) {
    return a.id == b.id && a.connect_time == b.connect_time;
  }
  friend bool operator!=(const SessionIdentity& a, const SessionIdentity& b) { return !(a == b); }
};

struct SessionIdentityHash {
  std::size_t operator()(const SessionIdentity& identity) const {
    return std::hash<std::uint64_t>()(identity.connect_time * 0x9e3779b97f4a7c15u ^ identity.id);
  }
};

}  // namespace pcsc_bridge
