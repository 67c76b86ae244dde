// The terminal session of a process and where that knowledge came from.
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
  std::string user;  // UTF-8; "DOMAIN\\name" on Windows; may be empty when it cannot be learnt
  SessionSource source = SessionSource::kProc;
};

// The session of a process; pid 0 asks for the calling process. Thread safe. Asks the system's session
// manager and name service: it may take as long as these take, so keep it off threads that must not wait.
// Fails with kSessionUnknown, the system's reason in `detail`, when there is no such process or it may not be
// looked at.
Result<Session> SessionOfProcess(std::uint32_t pid);

}  // namespace pcsc_bridge
