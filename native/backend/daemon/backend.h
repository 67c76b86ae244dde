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

// The protocol of the daemon at this socket.
struct DaemonVersion {
  std::int32_t major = 0;
  std::int32_t minor = 0;
  bool supported = false;  // 4:4 to 4:6, or one that the daemon allows us to speak
};
// Blocks, for `limit` at most (then kTimeout). Errors are those of a client that connects.
Result<DaemonVersion> LearnDaemonVersion(const std::string& socket, std::chrono::milliseconds limit);

// Whether the daemon speaks a protocol of ours (4:4 to 4:6): kSuccess, kServiceStopped if it speaks
// another one, or why it cannot be asked. Blocks, for `limit` at most (then kTimeout).
Result<Done> AskDaemonVersion(const std::string& socket, std::chrono::milliseconds limit);

}  // namespace pcsc_bridge::backend
