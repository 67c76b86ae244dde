// What pcsc-lite's daemon and its clients say to each other: client protocol 4:4 of pcscd 1.8.24 to 2.2, to
// which 4:5 (2.3 and 2.4) only adds a question, and which daemons of 4:6 (since 2.5) understand as it is.
//
// A question is a Header and a message; the answer is the same message, filled in. Some have bytes behind
// them, which the message counts. Everything is in the machine's own byte order: both ends are on one
// machine.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pcsc_bridge::daemon {

inline constexpr std::int32_t kMajor = 4;
inline constexpr std::int32_t kMinor = 4;
inline constexpr std::int32_t kMinorMuchTheSame = 5;

enum class Command : std::uint32_t {
  kEstablishContext = 0x01,
  kReleaseContext = 0x02,
  kConnect = 0x04,
  kReconnect = 0x05,
  kDisconnect = 0x06,
  kBeginTransaction = 0x07,
  kEndTransaction = 0x08,
  kTransmit = 0x09,
  kControl = 0x0a,
  kStatus = 0x0b,
  kGetAttrib = 0x0f,
  kSetAttrib = 0x10,
  kVersion = 0x11,
  kReaderStates = 0x12,
  kWatchReaders = 0x13,
  kStopWatching = 0x14,
};

inline constexpr std::size_t kNameSize = 128;
inline constexpr std::size_t kAttributeSize = 264;
inline constexpr std::size_t kMostReaders = 16;

struct Header {
  std::uint32_t size;  // of the message, without what follows it
  Command command;
};

struct Version {
  std::int32_t major = kMajor;
  std::int32_t minor = kMinor;
  std::uint32_t code = 0;
};

struct EstablishContext {
  std::uint32_t scope = 0;
  std::uint32_t context = 0;
  std::uint32_t code = 0;
};

struct ReleaseContext {
  std::uint32_t context = 0;
  std::uint32_t code = 0;
};

struct Connect {
  std::uint32_t context = 0;
  char reader[kNameSize] = {};
  std::uint32_t share_mode = 0;
  std::uint32_t protocols = 0;
  std::int32_t card = 0;
  std::uint32_t active_protocol = 0;
  std::uint32_t code = 0;
};

struct Reconnect {
  std::int32_t card = 0;
  std::uint32_t share_mode = 0;
  std::uint32_t protocols = 0;
  std::uint32_t initialization = 0;
  std::uint32_t active_protocol = 0;
  std::uint32_t code = 0;
};

// SCardDisconnect and SCardEndTransaction.
struct Dispose {
  std::int32_t card = 0;
  std::uint32_t disposition = 0;
  std::uint32_t code = 0;
};

// SCardBeginTransaction, and the part of SCardStatus that tells whether the handle still works.
struct Plain {
  std::int32_t card = 0;
  std::uint32_t code = 0;
};

// Followed by the command; the answer, where it is a success, by the response.
struct Transmit {
  std::int32_t card = 0;
  std::uint32_t send_protocol = 0;
  std::uint32_t send_pci_length = 0;
  std::uint32_t send_length = 0;
  std::uint32_t receive_protocol = 0;
  std::uint32_t receive_pci_length = 0;
  std::uint32_t receive_length = 0;  // room in the question, length in the answer
  std::uint32_t code = 0;
};

// Followed by the input; the answer, where it is a success, by the output.
struct Control {
  std::int32_t card = 0;
  std::uint32_t control_code = 0;
  std::uint32_t send_length = 0;
  std::uint32_t receive_size = 0;
  std::uint32_t returned = 0;
  std::uint32_t code = 0;
};

// SCardGetAttrib and SCardSetAttrib.
struct Attribute {
  std::int32_t card = 0;
  std::uint32_t id = 0;
  std::uint8_t value[kAttributeSize] = {};
  std::uint32_t length = 0;
  std::uint32_t code = 0;
};

// Of the answer to kReaderStates and to kWatchReaders, an array of them; the questions are Headers alone.
struct ReaderState {
  char name[kNameSize];  // empty where there is no reader
  std::uint32_t event_count;
  std::uint32_t state;
  std::int32_t sharing;
  std::uint8_t atr[33];
  std::uint32_t atr_length;
  std::uint32_t protocol;
};

using ReaderTable = std::array<ReaderState, kMostReaders>;

// One that fills its place has no zero behind it.
inline std::string_view NameOf(const ReaderState& reader) {
  const char* const end = std::find(reader.name, reader.name + kNameSize, '\0');
  return {reader.name, static_cast<std::size_t>(end - reader.name)};
}

inline std::size_t AtrLength(const ReaderState& reader) {
  return std::min<std::size_t>(reader.atr_length, sizeof reader.atr);
}

// Null where there is none of this name.
inline const ReaderState* Find(const ReaderTable& table, std::string_view name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const ReaderState& one) { return NameOf(one) == name; });
  return found == table.end() ? nullptr : &*found;
}

// What kWatchReaders is told when a reader has changed, once; the answer to kStopWatching, if it was not.
struct ReaderChange {
  std::uint32_t timeout = 0;  // means nothing
  std::uint32_t code = 0;
};

static_assert(sizeof(Header) == 8 && sizeof(Connect) == 152 && sizeof(Transmit) == 32 &&
                  sizeof(Control) == 24 && sizeof(Attribute) == 280 && sizeof(ReaderState) == 184,
              "the layout is the daemon's");

}  // namespace pcsc_bridge::daemon
