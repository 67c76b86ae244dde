#include <windows.h>

#include <optional>
#include <string>
#include <utility>

#include "session/account_windows.h"
#include "session/peer.h"
#include "session/wts_source.h"

namespace pcsc_bridge {
namespace {

Error Refuse(Status code, const char* operation, const char* what) {
  return Error{code, operation, "", std::string(what) + " (error " + std::to_string(GetLastError()) + ")"};
}

struct PipePeer {
  ULONG session = 0;
  ULONG pid = 0;
  std::optional<std::string>
      account;  // always known for a client; for a server only if its process reports it
};

// Session and process are of the moment when the peer opened its end: no process is looked up for them.
Result<PipePeer> PeerOfPipe(std::intptr_t connection) {
  const HANDLE pipe = reinterpret_cast<HANDLE>(connection);
  DWORD flags = 0;
  if (!GetNamedPipeInfo(pipe, &flags, nullptr, nullptr, nullptr)) {
    return Refuse(status::kInvalidParameter, "GetNamedPipeInfo", "this is not a named pipe");
  }
  const bool server = (flags & PIPE_SERVER_END) != 0;
  PipePeer peer;
  const bool known =
      server
          ? GetNamedPipeClientSessionId(pipe, &peer.session) && GetNamedPipeClientProcessId(pipe, &peer.pid)
          : GetNamedPipeServerSessionId(pipe, &peer.session) && GetNamedPipeServerProcessId(pipe, &peer.pid);
  if (!known) {
    return Refuse(status::kSessionUnknown,
                  server ? "GetNamedPipeClientSessionId" : "GetNamedPipeServerSessionId",
                  "the other end of the pipe is not a process of this computer");
  }
  if (server) peer.account = AccountOfPipeClient(pipe);
  if (!peer.account) peer.account = AccountOfProcess(peer.pid);
  if (server && !peer.account) {
    return Refuse(status::kSessionUnknown, "ImpersonateNamedPipeClient",
                  "neither the pipe nor its client's process reports the user");
  }
  return peer;
}

}  // namespace

Result<PeerQuestion> AskPeer(std::intptr_t connection) {
  Result<PipePeer> known = PeerOfPipe(connection);
  if (!known) return known.error();
  return PeerQuestion([peer = std::move(*known)]() -> Result<Peer> {
    Session session = TerminalServicesSession(peer.session);
    if (peer.account) {
      session.identity.user_id = *peer.account;
      session.user = AccountName(*peer.account);
    }
    return Peer{std::move(session), static_cast<std::uint32_t>(peer.pid), std::nullopt};
  });
}

Result<std::string> UserOfPeer(std::intptr_t connection) {
  Result<PipePeer> peer = PeerOfPipe(connection);
  if (!peer) return peer.error();
  return peer->account.value_or("");
}

}  // namespace pcsc_bridge
