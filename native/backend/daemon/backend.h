// pcscd over its own socket, without its library and without threads. Linux.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace pcsc_bridge::backend {

// For the daemon that listens at this socket. Lives as long as its clients.
std::unique_ptr<Backend> MakeDaemonBackend(std::string socket);

// What the daemon at this socket says of itself.
struct DaemonVersion {
  std::int32_t major = 0;  // 0 if the daemon said nothing
  std::int32_t minor = 0;
  // Whether the daemon speaks a protocol of ours (4:4 to 4:6): kServiceStopped if it speaks another one, or
  // why it cannot be asked.
  Result<Done> usable = Done();
};
// Blocks, for `limit` at most (then kTimeout).
DaemonVersion AskDaemonVersion(const std::string& socket, std::chrono::milliseconds limit);

}  // namespace pcsc_bridge::backend
