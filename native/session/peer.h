// Who is at the other end of a local connection, as the system tells it and not as the peer does. One
// peer_*.cc per platform is compiled.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "session/session.h"

namespace pcsc_bridge {

struct Peer {
  // Of the process that made the connection. The user is the peer's own, who need not be the one that logged
  // in: `identity.user_id` and the name. Unknown only for a pipe's server (Windows).
  Session session;
  std::uint32_t pid = 0;
  std::optional<std::uint32_t> uid;  // its effective user at that time; none on Windows
};

// To be asked once, from any thread, for it may take long: SessionOfProcess.
using PeerQuestion = std::function<Result<Peer>()>;

// Takes from the connection, at once, what it knows of its peer. The question that comes back does not need
// the connection any more. The peer is the process that connected, or that listens where this end connected,
// whoever has got hold of its end since.
//
// `connection` is a descriptor of a connected Unix socket (AF_UNIX; Linux: SO_PEERCRED, macOS:
// LOCAL_PEERTOKEN), on Windows the handle of either end of a connected named pipe
// (GetNamedPipeClientSessionId, or ...Server...). Fails with kInvalidParameter for anything else, and with
// kSessionUnknown when the peer is hidden (another pid namespace) or has ended; so does the question.
Result<PeerQuestion> AskPeer(std::intptr_t connection);

// SessionIdentity::user_id of the peer alone, which takes no time: for a server that counts its users'
// connections before it asks any further. Fails as AskPeer does.
Result<std::string> UserOfPeer(std::intptr_t connection);

}  // namespace pcsc_bridge
