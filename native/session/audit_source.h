// Sessions of macOS processes: the audit session, getaudit_addr(2) and auditon(2).
#pragma once

#include <cstdint>

#include "session/session.h"

namespace pcsc_bridge {

// Thread safe. The id is the audit session's, unique since boot; the connect time is 0 = unknown, because
// the kernel records none. The user is the one who logged in (the audit user). A query for another process
// needs the right to A_GETPINFO_ADDR, usually root's. Without it, and for processes in no audit session, it
// fails with kSessionUnknown.
Result<Session> AskAudit(std::uint32_t pid);

}  // namespace pcsc_bridge
