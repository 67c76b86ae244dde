// Sessions of Linux processes as systemd-logind (or elogind) knows them, through its library, which is
// loaded at run time: the build needs no library and no header. See sd_pid_get_session(3),
// sd_session_get_uid(3), sd_uid_get_display(3), sd_bus_get_property(3) and org.freedesktop.login1(5).
//
// Session ids of logind are text. "42" (the audit session, usual at logins) becomes 42; "c7" (a counter, if
// the kernel has no audit session) becomes 0x80000000 | 7. The two ranges are disjoint; an id of any other
// form, or a number of 2^31 and more, is refused.
//
// A process that runs under user@UID.service, as desktops start their programs, is in no session. It counts
// as part of its user's display session (sd_uid_get_display), as in polkit.
//
// The connect time is the session's Timestamp, which logind records once when it creates the session: from
// sd_session_get_start_time (systemd 254), else from the Session object over D-Bus. 0 if neither answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "session/session.h"

namespace pcsc_bridge {

class LogindSource {
 public:
  LogindSource();                                     // libsystemd.so.0, else libelogind.so.0
  explicit LogindSource(const std::string& library);  // this one
  ~LogindSource();
  LogindSource(const LogindSource&) = delete;
  LogindSource& operator=(const LogindSource&) = delete;

  // Thread safe. Fails with kSessionUnknown if there is no library or no logind, or if the process is in no
  // session that logind knows. A hanging logind is given up after two seconds.
  Result<Session> Ask(std::uint32_t pid) const;

 private:
  struct Library;
  std::unique_ptr<const Library> library_;
  std::string trouble_;  // why there is no library_
};

}  // namespace pcsc_bridge
