// Times of Unix as FILETIME ticks: 100 ns since 1601-01-01 UTC, the unit of a session's connect time.
#pragma once

#include <cstdint>

namespace pcsc_bridge {

inline constexpr std::uint64_t kTicksPerSecond = 10'000'000;
inline constexpr std::uint64_t kUnixEpochInSeconds = 11'644'473'600;  // from 1601-01-01 to 1970-01-01

inline constexpr std::uint64_t FiletimeOfUnixSeconds(std::uint64_t seconds) {
  return (seconds + kUnixEpochInSeconds) * kTicksPerSecond;
}

inline constexpr std::uint64_t FiletimeOfUnixMicroseconds(std::uint64_t microseconds) {
  return kUnixEpochInSeconds * kTicksPerSecond + microseconds * 10;
}

}  // namespace pcsc_bridge
