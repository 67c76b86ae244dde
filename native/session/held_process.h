// A reference to a process, so that its pid cannot refer to another process unnoticed. Linux.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

namespace pcsc_bridge {

class HeldProcess {
 public:
  virtual ~HeldProcess() = default;
  // False once it has ended. While it is true the process's number means this process.
  virtual bool Runs() const = 0;
};

// By a pidfd, which it closes.
std::unique_ptr<HeldProcess> HoldByPidfd(int pidfd);

// By its directory in /proc, for kernels whose sockets give no pidfd: the process that has this pid now, if
// it runs as this user. Null if there is no such process.
std::unique_ptr<HeldProcess> HoldByProc(std::uint32_t pid, uid_t effective,
                                        const std::string& root = "/proc");

}  // namespace pcsc_bridge
