// pcscd over its own socket, without its library and without threads. Linux.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace pcsc_bridge::backend {

// A backend for the daemon that listens at this socket. Lives as long as its clients.
std::unique_ptr<Backend> MakeDaemonBackend(std::string socket);

// The protocol that the daemon at this socket reports.
struct DaemonVersion {
  std::int32_t major = 0;  // 0 if the daemon has not reported it
  std::int32_t minor = 0;
  // Whether the daemon speaks a supported protocol (4:4 to 4:6): kServiceStopped if it speaks another one,
  // or the error that prevented the query.
  Result<Done> usable = Done();
};
// Blocks, for `limit` at most (then kTimeout).
DaemonVersion AskDaemonVersion(const std::string& socket, std::chrono::milliseconds limit);

}  // namespace pcsc_bridge::backend
