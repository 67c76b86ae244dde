// Sessions of macOS processes: the audit session, getaudit_addr(2) and auditon(2).
#pragma once

#include <cstdint>

#include "session/session.h"

namespace pcsc_bridge {

// Thread safe. The id is the audit session's, unique since boot; the connect time is 0 = unknown, for the
// kernel keeps none. The user is the one who logged in (the audit user). A process other than the caller's
// needs the right to A_GETPINFO_ADDR, usually root's; without it, and for processes in no audit session, the
// question fails with kSessionUnknown.
Result<Session> AskAudit(std::uint32_t pid);

}  // namespace pcsc_bridge
