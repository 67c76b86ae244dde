#include <windows.h>

#include <string>

#include "session/peer.h"
#include "session/wts_source.h"

namespace pcsc_bridge {
namespace {

Error Refuse(Status code, const char* operation, const char* what) {
  return Error{code, operation, "", std::string(what) + " (error " + std::to_string(GetLastError()) + ")"};
}

}  // namespace

// Both numbers are of the moment when the peer opened its end: no process is looked up.
Result<PeerQuestion> AskPeer(std::intptr_t connection) {
  const HANDLE pipe = reinterpret_cast<HANDLE>(connection);
  DWORD flags = 0;
  if (!GetNamedPipeInfo(pipe, &flags, nullptr, nullptr, nullptr)) {
    return Refuse(status::kInvalidParameter, "GetNamedPipeInfo", "this is no named pipe");
  }
  const bool server = (flags & PIPE_SERVER_END) != 0;
  ULONG session = 0;
  ULONG pid = 0;
  const bool known =
      server ? GetNamedPipeClientSessionId(pipe, &session) && GetNamedPipeClientProcessId(pipe, &pid)
             : GetNamedPipeServerSessionId(pipe, &session) && GetNamedPipeServerProcessId(pipe, &pid);
  if (!known) {
    return Refuse(status::kSessionUnknown,
                  server ? "GetNamedPipeClientSessionId" : "GetNamedPipeServerSessionId",
                  "nobody of this computer is at the other end of the pipe");
  }
  return PeerQuestion([session, pid]() -> Result<Peer> {
    return Peer{TerminalServicesSession(session), static_cast<std::uint32_t>(pid), std::nullopt};
  });
}

}  // namespace pcsc_bridge
