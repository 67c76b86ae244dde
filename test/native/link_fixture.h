// A link to a stand-in daemon, and what is sent over it.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "answer.h"
#include "fake_daemon.h"
#include "pcsc/abi.h"
#include "backend/daemon/link.h"

namespace pcsc_bridge::test {

using daemon::Command;
using daemon::Link;
using daemon::Plain;
using daemon::Transmit;

inline const Bytes kApdu{0x00, 0xa4, 0x04, 0x00};

// Bytes of which each place can be told from its neighbours.
inline Bytes Pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return bytes;
}

inline Transmit MessageFor(const Bytes& apdu) {
  Transmit message;
  message.card = 1;
  message.send_length = static_cast<std::uint32_t>(apdu.size());
  message.receive_length = pcsc_bridge::abi::kMaxExtendedBuffer;
  return message;
}

inline Status Send(Link& link, const Bytes& apdu, bool may_wait) {
  return link.SendTransmit(MessageFor(apdu), apdu, may_wait);
}

inline Status AskStatus(Link& link) {
  Plain message;
  message.card = 1;
  const Status asked = link.Ask(Command::kStatus, message);
  return asked == status::kSuccess ? message.code : asked;
}

inline bool WaitReadable(int fd, std::chrono::milliseconds time = kPatience) {
  pollfd wait{fd, POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(time.count())) == 1;
}

class Copy {
 public:
  explicit Copy(const Link& link) : fd_(link.CopyDescriptor()) { REQUIRE(fd_ >= 0); }
  ~Copy() { close(fd_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// As an event loop does: looks only when there is something to see.
inline Status ReceiveAsItComes(Link& link, Bytes& response, int* looks = nullptr) {
  const Copy copy(link);
  for (;;) {
    REQUIRE(WaitReadable(copy.fd()));
    if (looks != nullptr) ++*looks;
    if (const std::optional<Status> code = link.ReceiveTransmit(response, false)) return *code;
  }
}

struct Opened {
  Opened() { REQUIRE(link.Open(daemon.path()) == status::kSuccess); }
  FakeDaemon daemon;
  Link link;
};

}  // namespace pcsc_bridge::test
