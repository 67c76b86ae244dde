// Sessions of Windows processes: ProcessIdToSessionId, WTSQuerySessionInformationW(WTSSessionInfo). Needs
// NT 6.0 (Vista SP1, Server 2008) and nothing newer: WTSSessionInfoEx is not there yet.
#pragma once

#include <cstdint>

#include "session/session.h"

namespace pcsc_bridge {

// Thread safe. The connect time is WTSINFOW.ConnectTime, which changes when a user reconnects to a
// disconnected session. It is 0 = unknown for a session that never had a client (0, the services'), and if
// the query fails: Terminal Services stopped, or another user's session without the right "Query
// Information". The user, DOMAIN\name, is empty then.
Session TerminalServicesSession(std::uint32_t id);

// The session of a process. Fails with kSessionUnknown when it does not exist or may not be opened.
Result<Session> AskTerminalServices(std::uint32_t pid);

}  // namespace pcsc_bridge
