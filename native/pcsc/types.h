// The vocabulary of PC/SC, the same on every platform.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pcsc_bridge {

using Bytes = std::vector<std::uint8_t>;

enum class ShareMode : std::uint32_t { kExclusive = 1, kShared = 2, kDirect = 3 };
enum class Disposition : std::uint32_t { kLeave = 0, kReset = 1, kUnpower = 2, kEject = 3 };

// A set of protocols, or the one that is active. Raw has this value here whatever the platform uses.
using Protocols = std::uint32_t;
inline constexpr Protocols kT0 = 1;
inline constexpr Protocols kT1 = 2;
inline constexpr Protocols kRaw = 4;
inline constexpr Protocols kT0OrT1 = kT0 | kT1;

// The card state of SCardStatus, as the enumeration of PC/SC part 5 (pcsc-lite's mask is translated).
enum class CardState : std::uint32_t {
  kUnknown = 0,
  kAbsent = 1,
  kPresent = 2,
  kSwallowed = 3,
  kPowered = 4,
  kNegotiable = 5,
  kSpecific = 6,
};

struct CardStatus {
  CardState state = CardState::kUnknown;
  Protocols protocol = 0;
  Bytes atr;
};

// Reader states of SCardGetStatusChange, low word.
namespace reader_state {
inline constexpr std::uint32_t kUnaware = 0x0000;
inline constexpr std::uint32_t kIgnore = 0x0001;
inline constexpr std::uint32_t kChanged = 0x0002;
inline constexpr std::uint32_t kUnknown = 0x0004;
inline constexpr std::uint32_t kUnavailable = 0x0008;
inline constexpr std::uint32_t kEmpty = 0x0010;
inline constexpr std::uint32_t kPresent = 0x0020;
inline constexpr std::uint32_t kAtrMatch = 0x0040;
inline constexpr std::uint32_t kExclusive = 0x0080;
inline constexpr std::uint32_t kInUse = 0x0100;
inline constexpr std::uint32_t kMute = 0x0200;
inline constexpr std::uint32_t kUnpowered = 0x0400;
}  // namespace reader_state

// One reader as SCardGetStatusChange sees it.
struct ReaderStatus {
  std::string reader;             // UTF-8
  std::uint32_t state = 0;        // reader_state bits; in: the known state, out: the present state
  std::uint32_t event_count = 0;  // cards inserted and removed so far (high word)
  Bytes atr;

  bool operator==(const ReaderStatus& other) const {
    return reader == other.reader && state == other.state && event_count == other.event_count &&
           atr == other.atr;
  }
};

// The pseudo reader that reports added and removed readers.
inline constexpr const char* kPnpNotification = "\\\\?PnP?\\Notification";

}  // namespace pcsc_bridge
