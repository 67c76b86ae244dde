// The peer of a local connection, as the system reports it; the peer cannot influence it. One peer_*.cc per
// platform is compiled.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "session/session.h"

namespace pcsc_bridge {

struct Peer {
  // The session of the process that made the connection. `identity.user_id` and the name are those of the
  // peer, who may differ from the user who logged in. The user is unknown only for a pipe's server
  // (Windows).
  Session session;
  std::uint32_t pid = 0;
  std::optional<std::uint32_t> uid;  // its effective user at that time; none on Windows
};

// Call it once, from any thread; it may be slow: SessionOfProcess.
using PeerQuestion = std::function<Result<Peer>()>;

// Reads from the connection, synchronously, what it knows of its peer. The returned question does not need
// the connection any more. The peer is the process that connected, or that listens, even if another process
// has got its end since.
//
// `connection` is a descriptor of a connected Unix socket (AF_UNIX; Linux: SO_PEERCRED, macOS:
// LOCAL_PEERTOKEN), on Windows the handle of either end of a connected named pipe
// (GetNamedPipeClientSessionId, or ...Server...). Fails with kInvalidParameter for anything else, and with
// kSessionUnknown if the peer is hidden (another pid namespace) or has ended; so does the question.
Result<PeerQuestion> AskPeer(std::intptr_t connection);

// SessionIdentity::user_id of the peer, without delay: for a server that counts its users' connections
// first. Fails as AskPeer does.
Result<std::string> UserOfPeer(std::intptr_t connection);

}  // namespace pcsc_bridge
