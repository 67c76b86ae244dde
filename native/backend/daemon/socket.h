// The socket that pcscd listens on: connecting to it without waiting, and why that fails.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "pcsc/result.h"

namespace pcsc_bridge::daemon {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Descriptor() { Close(); }

  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void Close();

 private:
  int number_ = -1;
};

// Opens a non-blocking connection to the socket. No value if the daemon's backlog is full: try again later.
Result<std::optional<Descriptor>> ConnectTo(const std::string& path);

// Why the system provides no descriptor, by its errno.
Error NoSocket(int error);

// The path that the daemon itself has given to the socket at the other end of this connection; empty if it
// is unknown.
std::string PathOfPeer(const Descriptor& connection);

// Why pcscd closed a connection without an answer: its limit of contexts, or the host's policy.
Error ClosedUnanswered(const std::string& path);

}  // namespace pcsc_bridge::daemon
