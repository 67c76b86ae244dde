// A process that is held on to, so that its number cannot come to mean another one unnoticed. Linux.
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

// By its directory in /proc, for kernels whose sockets give no pidfd: whoever has this number now, as long as
// it runs as this user. Nothing when there is no such process.
std::unique_ptr<HeldProcess> HoldByProc(std::uint32_t pid, uid_t effective,
                                        const std::string& root = "/proc");

}  // namespace pcsc_bridge
