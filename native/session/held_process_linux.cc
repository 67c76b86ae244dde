#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "session/held_process.h"
#include "session/proc_directory.h"

namespace pcsc_bridge {
namespace {

class ByPidfd final : public HeldProcess {
 public:
  explicit ByPidfd(int pidfd) : pidfd_(pidfd) {}
  ~ByPidfd() override { close(pidfd_); }
  ByPidfd(const ByPidfd&) = delete;
  ByPidfd& operator=(const ByPidfd&) = delete;

  bool Runs() const override {
    pollfd ended{pidfd_, POLLIN, 0};
    return poll(&ended, 1, 0) == 0;
  }

 private:
  const int pidfd_;
};

class ByProc final : public HeldProcess {
 public:
  ByProc(const std::string& path, uid_t effective) : directory_(path), effective_(effective) {}

  bool Runs() const override {
    const std::optional<std::string> status = directory_.Read("status");
    if (!status) return false;
    const std::string_view state = ValueOf(*status, "State:").value_or("");
    if (!state.empty() && (state.front() == 'Z' || state.front() == 'X')) return false;
    std::string_view uids = ValueOf(*status, "Uid:").value_or("");  // real, effective, saved, file system
    uids.remove_prefix(std::min(uids.find('\t'), uids.size()));
    uids.remove_prefix(std::min<std::size_t>(1, uids.size()));
    return ParseNumber<uid_t>(uids) == effective_;
  }

 private:
  const ProcDirectory directory_;
  const uid_t effective_;
};

}  // namespace

std::unique_ptr<HeldProcess> HoldByPidfd(int pidfd) {
  return std::make_unique<ByPidfd>(pidfd);
}

std::unique_ptr<HeldProcess> HoldByProc(std::uint32_t pid, uid_t effective, const std::string& root) {
  auto process = std::make_unique<ByProc>(root + "/" + std::to_string(pid), effective);
  if (!process->Runs()) return nullptr;
  return process;
}

}  // namespace pcsc_bridge
