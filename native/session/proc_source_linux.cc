#include "session/proc_source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "session/filetime.h"
#include "session/proc_directory.h"
#include "session/user_name.h"

namespace pcsc_bridge {
namespace {

constexpr std::uint32_t kNone = 0xffffffff;  // an audit session that was never set
// Reading a process takes 10 us. An older member beyond this limit is missed. The session then looks
// different to a source that sees it for the first time: its user connects anew and inherits no cached
// card.
constexpr std::size_t kMostProcesses = 4096;
constexpr std::size_t kMostKnown = 4096;

Error Unknown(std::uint32_t pid, const char* what, int error) {
  return Error{status::kSessionUnknown, what, "",
               "process " + std::to_string(pid) + " does not exist or may not be looked at (" + what + ": " +
                   std::strerror(error) + ")"};
}

}  // namespace

// What we use of PID/stat.
struct ProcSource::Stat {
  std::uint32_t session = 0;
  std::uint64_t start = 0;  // clock ticks since boot

  static std::optional<Stat> Of(const ProcDirectory& process) {
    const std::optional<std::string> text = process.Read("stat");
    if (!text) return std::nullopt;
    const std::optional<Stat> stat = Parse(*text);
    if (!stat) errno = EBADMSG;
    return stat;
  }

  // "PID (COMM) STATE PPID PGRP SESSION ... STARTTIME ...": COMM may hold blanks, parentheses and line ends,
  // so the fields are counted from the last parenthesis.
  static std::optional<Stat> Parse(std::string_view text) {
    constexpr int kSessionField = 6;
    constexpr int kStartField = 22;
    const std::size_t command_end = text.rfind(')');
    if (command_end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(command_end + 1);
    Stat stat;
    for (int field = 3; field <= kStartField; ++field) {
      text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
      if (field == kSessionField || field == kStartField) {
        const std::optional<std::uint64_t> number = ParseNumber<std::uint64_t>(text);
        if (!number) return std::nullopt;
        if (field == kSessionField) stat.session = static_cast<std::uint32_t>(*number);
        if (field == kStartField) stat.start = *number;
      }
      text.remove_prefix(std::min(text.find(' '), text.size()));
    }
    return stat;
  }
};

ProcSource::ProcSource(std::string root)
    : root_(std::move(root)), ticks_per_second_(static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK))) {}

Result<Session> ProcSource::Ask(std::uint32_t pid) {
  const ProcDirectory process(root_ + "/" + std::to_string(pid));
  if (!process.is_open()) return Unknown(pid, "open", errno);

  const std::optional<std::string> audit_text = process.Read("sessionid");
  const std::uint32_t audit = audit_text ? ParseNumber<std::uint32_t>(*audit_text).value_or(0) : 0;
  if (audit == 0 || audit == kNone) return KernelSession(process, pid);

  Session session;
  session.identity.id = audit;
  session.user = OwnerOf(process);
  return session;
}

Result<Session> ProcSource::KernelSession(const ProcDirectory& process, std::uint32_t pid) {
  const std::optional<Stat> own = Stat::Of(process);
  if (!own) return Unknown(pid, "read", errno);

  std::uint32_t leader_pid = own->session;
  const bool leader_outside = leader_pid == 0;
  if (leader_outside) {
    const std::optional<Stat> init = Stat::Of(ProcDirectory(root_ + "/1"));
    leader_pid = init && init->session == 0 ? 1 : pid;
  }

  const ProcDirectory leader(root_ + "/" + std::to_string(leader_pid));
  const std::optional<Stat> stat = leader.is_open() ? Stat::Of(leader) : std::nullopt;
  const bool leader_alive = stat && stat->session == own->session && stat->start <= own->start;

  Session session;
  session.identity.id = leader_pid;
  std::uint64_t start = 0;
  if (leader_outside) {
    start = leader_alive ? stat->start : own->start;
  } else if (leader_alive) {
    start = Remember(own->session, stat->start, {pid, own->start});
  } else {
    start = StartWithoutLeader(own->session, {pid, own->start});
  }
  session.identity.connect_time = TimeOf(start);
  session.user = OwnerOf(leader_alive ? leader : process);
  return session;
}

std::uint64_t ProcSource::StartWithoutLeader(std::uint32_t id, const Member& member) {
  const std::optional<Known> known = Recall(id);
  if (known && (member.start < known->newest.start || IsIn(id, known->newest))) {
    return Remember(id, known->start, member);
  }
  const std::uint64_t oldest = OldestStart(id, member.start);
  const bool same = known && oldest < known->newest.start;
  return Remember(id, same ? known->start : oldest, member);
}

std::uint64_t ProcSource::Remember(std::uint32_t id, std::uint64_t start, const Member& member) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // It is unknown which of them have ended; the others are searched again.
  if (known_.size() >= kMostKnown && known_.count(id) == 0) known_.clear();
  Known& known = known_[id];
  if (known.start != start) known = {start, member};
  if (member.start > known.newest.start) known.newest = member;
  return start;
}

std::optional<ProcSource::Known> ProcSource::Recall(std::uint32_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = known_.find(id);
  return known == known_.end() ? std::nullopt : std::optional(known->second);
}

bool ProcSource::IsIn(std::uint32_t id, const Member& member) const {
  const ProcDirectory process(root_ + "/" + std::to_string(member.pid));
  const std::optional<Stat> stat = process.is_open() ? Stat::Of(process) : std::nullopt;
  return stat && stat->session == id && stat->start == member.start;
}

std::string ProcSource::OwnerOf(const ProcDirectory& process) {
  const std::optional<std::string> text = process.Read("status");
  const auto value = text ? ValueOf(*text, "Uid:") : std::nullopt;  // real, effective, saved, file system
  const auto uid = value ? ParseNumber<std::uint32_t>(*value) : std::nullopt;
  return uid ? UserName(*uid) : "";
}

std::uint64_t ProcSource::OldestStart(std::uint32_t id, std::uint64_t at_most) const {
  std::uint64_t oldest = at_most;
  const DirectoryEntries all = EntriesOf(root_);
  if (!all) return oldest;
  std::size_t looked_at = 0;
  while (const dirent* entry = readdir(all.get())) {
    if (!ParseNumber<std::uint32_t>(entry->d_name)) continue;
    if (++looked_at > kMostProcesses) break;
    const ProcDirectory process(root_ + "/" + entry->d_name);
    const std::optional<Stat> stat = process.is_open() ? Stat::Of(process) : std::nullopt;
    if (stat && stat->session == id) oldest = std::min(oldest, stat->start);
  }
  return oldest;
}

std::uint64_t ProcSource::TimeOf(std::uint64_t ticks_since_boot) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (boot_second_ == 0) {
    const std::optional<std::string> text = ProcDirectory(root_).Read("stat");
    const auto value = text ? ValueOf(*text, "btime") : std::nullopt;
    boot_second_ = value ? ParseNumber<std::uint64_t>(*value).value_or(0) : 0;
  }
  if (boot_second_ == 0) return 0;
  return FiletimeOfUnixSeconds(boot_second_ + ticks_since_boot / ticks_per_second_) +
         ticks_since_boot % ticks_per_second_ * kTicksPerSecond / ticks_per_second_;
}

}  // namespace pcsc_bridge
