// The terminal session of a process and the source of that information.
#pragma once

#include <cstdint>
#include <string>

#include "pcsc/result.h"
#include "session/session_identity.h"

namespace pcsc_bridge {

enum class SessionSource { kWts, kLogind, kProc, kAudit };

const char* NameOf(SessionSource source);  // "logind"

struct Session {
  SessionIdentity identity;
  std::string user;  // UTF-8; "DOMAIN\\name" on Windows; empty if it is unknown
  SessionSource source = SessionSource::kProc;
};

// The session of a process; pid 0 stands for the calling process. Thread safe. It queries the system's
// session manager and name service and may be slow, so call it only on threads that may block. Fails with
// kSessionUnknown, with the system's reason in `detail`, if there is no such process or it may not be
// inspected.
Result<Session> SessionOfProcess(std::uint32_t pid);

}  // namespace pcsc_bridge
