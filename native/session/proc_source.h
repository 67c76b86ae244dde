// Sessions of Linux processes by /proc alone, for hosts without logind: containers, small systems.
// Files as proc(5) describes them: PID/sessionid, PID/stat, PID/status, and /proc/stat.
//
// A process belongs to
//  1. its audit session, if it has one (PID/sessionid, set at login by pam_loginuid). The id is that
//     number, the user that of the process. (PID/loginuid is no evidence of a user: an unprivileged process
//     can set it if no login has.) The connect time stays 0: the kernel records none. Two audit sessions
//     differ anyway, because the kernel counts their numbers up from boot.
//  2. otherwise its kernel session (setsid(2)). The id is the leader's process id, the connect time the
//     start time of the leader, the user that of the leader.
//     - Leader gone: the number stays taken as long as the session has members, so the id stays; so does the
//       connect time, if the source has met the session before. Otherwise it is that of the oldest member
//       left. All members agree on it, and no later session of the same number can have it.
//     - Session 0, a leader outside this pid namespace: the first process of the namespace counts as leader
//       if it is in session 0 too (a container whose init never called setsid). Otherwise the process came
//       from outside, cannot be told from others that did, and is a session of its own.
//
// Start times are kernel ticks since boot and never change. The time of the boot (btime) changes when a user
// sets the clock, so it is read once per source, at the first question: within a process a session keeps
// its connect time whatever happens to the clock.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "session/proc_directory.h"
#include "session/session.h"

namespace pcsc_bridge {

class ProcSource {
 public:
  explicit ProcSource(std::string root = "/proc");

  // Thread safe. Fails with kSessionUnknown when the process does not exist or is hidden (hidepid).
  Result<Session> Ask(std::uint32_t pid);

 private:
  struct Stat;
  // A process of a kernel session.
  struct Member {
    std::uint32_t pid = 0;
    std::uint64_t start = 0;  // in ticks since boot
  };
  // A known kernel session. A process enters a session only by being created in it. So a process that is
  // older than `newest`, or exists together with it, belongs to the same session and not to a later one
  // with the same number.
  struct Known {
    std::uint64_t start = 0;  // its connect time, in ticks since boot
    Member newest;            // of the members that were met
  };

  Result<Session> KernelSession(const ProcDirectory& process, std::uint32_t pid);
  std::uint64_t StartWithoutLeader(std::uint32_t id, const Member& member);
  // Returns `start`.
  std::uint64_t Remember(std::uint32_t id, std::uint64_t start, const Member& member);
  std::optional<Known> Recall(std::uint32_t id);
  bool IsIn(std::uint32_t id, const Member& member) const;
  // The name of the user who runs the process; empty if it is unknown.
  static std::string OwnerOf(const ProcDirectory& process);
  // FILETIME ticks; 0 if the system does not report its boot time.
  std::uint64_t TimeOf(std::uint64_t ticks_since_boot);
  // The start time of the oldest process whose session is `id`, at most `at_most`, among the first few
  // thousand processes.
  std::uint64_t OldestStart(std::uint32_t id, std::uint64_t at_most) const;

  const std::string root_;
  const std::uint64_t ticks_per_second_;
  std::mutex mutex_;
  std::uint64_t boot_second_ = 0;                   // Unix time; 0 until read; under mutex_
  std::unordered_map<std::uint32_t, Known> known_;  // by id; under mutex_
};

}  // namespace pcsc_bridge
