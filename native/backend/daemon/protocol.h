// The protocol between pcsc-lite's daemon and its clients: 4:4 (pcscd 1.8.24 to 2.2), 4:5 (2.3 and 2.4) and
// 4:6 (2.5 and later).
//
// A request is a Header and a message; the answer is the same message, filled in. Some messages announce the
// length of data that follows them. Everything is in the machine's own byte order: both ends are on one
// machine. The daemon reads the requests of a connection one after another, so several may be sent at once.
//
// Versions: the client offers one. A daemon that refuses it answers with its own version and keeps listening,
// so the client can offer that one on the same connection. 4:4 is refused by pcscd 2.3.0 to 2.4.0 only. A
// daemon of 4:6 that accepts 4:4 or 4:5 treats that connection as one of 4:5. Since 2.3 the daemon logs three
// lines about each offer that differs from its own version.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "pcsc/abi.h"
#include "pcsc/status.h"
#include "pcsc/types.h"

namespace pcsc_bridge::daemon {

inline constexpr std::int32_t kMajor = 4;
inline constexpr std::int32_t kOldestMinor = 4;
inline constexpr std::int32_t kNewestMinor = 6;
// Since this one the table of readers has any size, and kWatchReaders has no answer.
inline constexpr std::int32_t kMinorOfAnyTable = 6;

enum class Command : std::uint32_t {
  kEstablishContext = 0x01,
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
  kReaderEvents = 0x15,     // since 4:5
  kReaderTableSize = 0x16,  // since 4:6: the answer is an int32, the number of places in the table
  kReaderTable = 0x17,      // since 4:6: the answer is that many ReaderState
};

inline constexpr std::size_t kNameSize = 128;
inline constexpr std::size_t kAttributeSize = 264;
inline constexpr std::size_t kOldTableSize = 16;  // of the table before 4:6

struct Header {
  std::uint32_t size;  // of the message, without what follows it
  Command command;
};

struct Version {
  std::int32_t major = kMajor;
  std::int32_t minor = kOldestMinor;
  std::uint32_t code = 0;
};

struct EstablishContext {
  std::uint32_t scope = 0;
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

// SCardBeginTransaction, and the part of SCardStatus that checks the handle: whether it works and whether
// another handle has a transaction on the card.
struct Plain {
  std::int32_t card = 0;
  std::uint32_t code = 0;
};

// Followed by the command; a successful answer is followed by the response.
struct Transmit {
  std::int32_t card = 0;
  std::uint32_t send_protocol = 0;
  std::uint32_t send_pci_length = sizeof(abi::IoRequest);
  std::uint32_t send_length = 0;
  std::uint32_t receive_protocol = abi::kProtocolT0 | abi::kProtocolT1;
  std::uint32_t receive_pci_length = sizeof(abi::IoRequest);
  std::uint32_t receive_length = abi::kMaxExtendedBuffer;  // room in the request, length in the answer
  std::uint32_t code = 0;
};

// Followed by the input; a successful answer is followed by the output.
struct Control {
  std::int32_t card = 0;
  std::uint32_t control_code = 0;
  std::uint32_t send_length = 0;
  std::uint32_t receive_size = abi::kMaxExtendedBuffer;
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

// kReaderStates and, before 4:6, kWatchReaders are answered with kOldTableSize of these; the requests are
// Headers alone.
struct ReaderState {
  char name[kNameSize];  // empty if the place is free
  std::uint32_t event_count;
  std::uint32_t state;
  std::int32_t sharing;
  std::uint8_t atr[33];
  std::uint32_t atr_length;
  std::uint32_t protocol;
};

using ReaderTable = std::vector<ReaderState>;

// A name that fills its field has no zero behind it.
inline std::string_view NameOf(const ReaderState& reader) {
  const char* const end = std::find(reader.name, reader.name + kNameSize, '\0');
  return {reader.name, static_cast<std::size_t>(end - reader.name)};
}

inline std::size_t AtrLength(const ReaderState& reader) {
  return std::min<std::size_t>(reader.atr_length, sizeof reader.atr);
}

// The readers in a table as the daemon sends it, without the places that are free.
inline ReaderTable TableIn(const Bytes& bytes) {
  ReaderTable table(bytes.size() / sizeof(ReaderState));
  if (!table.empty()) std::memcpy(table.data(), bytes.data(), table.size() * sizeof(ReaderState));
  const auto is_free = [](const ReaderState& one) { return NameOf(one).empty(); };
  table.erase(std::remove_if(table.begin(), table.end(), is_free), table.end());
  return table;
}

// Null if there is no reader of this name.
inline const ReaderState* Find(const ReaderTable& table, std::string_view name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const ReaderState& one) { return NameOf(one) == name; });
  return found == table.end() ? nullptr : &*found;
}

// Sent once after kWatchReaders, when a reader has changed.
struct ReaderChange {
  std::uint32_t timeout = 0;  // unused
  std::uint32_t code = 0;
};

// The answer to kReaderEvents, whose request is a Header alone.
struct ReaderEvents {
  std::uint32_t count = 0;  // of readers added and removed
  std::uint32_t code = 0;
};

// What an answer announces: whether the daemon did what was asked for, and how much data follows.
struct Announced {
  Status code = status::kSuccess;
  std::size_t data = 0;
};

template <class Message>
Announced Read(const Message& answer) {
  return {answer.code};
}
// Its code is for the opening of a link: a refusal offers another version.
inline Announced Read(const Version&) {
  return {};
}
inline Announced Read(const Transmit& answer) {
  return {answer.code, answer.code == status::kSuccess ? answer.receive_length : 0};
}
inline Announced Read(const Control& answer) {
  return {answer.code, answer.code == status::kSuccess ? answer.returned : 0};
}

// The form of an answer.
struct Form {
  std::size_t size;  // of the message
  std::size_t most;  // of the data behind it
  Announced (*read)(const std::uint8_t* message);
};

template <class Message>
inline constexpr Form kFormOf{sizeof(Message), abi::kMaxExtendedBuffer, [](const std::uint8_t* bytes) {
                                Message message;
                                std::memcpy(&message, bytes, sizeof message);
                                return Read(message);
                              }};
// A table of readers, which is data: before 4:6 without a message, since then behind the number of places.
inline constexpr Form kOldTable{0, kOldTableSize * sizeof(ReaderState), [](const std::uint8_t*) {
                                  return Announced{status::kSuccess, kOldTableSize * sizeof(ReaderState)};
                                }};
inline constexpr Form kTable{
    sizeof(std::int32_t), 10'000 * sizeof(ReaderState),  // more than a host can have
    [](const std::uint8_t* bytes) {
      std::int32_t places = 0;
      std::memcpy(&places, bytes, sizeof places);
      return Announced{status::kSuccess, static_cast<std::size_t>(places) * sizeof(ReaderState)};
    }};

static_assert(sizeof(Header) == 8 && sizeof(Connect) == 152 && sizeof(Transmit) == 32 &&
                  sizeof(Control) == 24 && sizeof(Attribute) == 280 && sizeof(ReaderState) == 184 &&
                  sizeof(ReaderChange) == sizeof(ReaderEvents),
              "the layout is the daemon's");

}  // namespace pcsc_bridge::daemon
