#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "session/held_process.h"
#include "session/peer.h"
#include "session/user_name.h"

// Linux 6.5; C libraries' headers have it later. SPARC and PA-RISC count differently, and do without.
#if !defined(SO_PEERPIDFD) && !defined(__sparc__) && !defined(__hppa__)
#define SO_PEERPIDFD 77
#endif

namespace pcsc_bridge {
namespace {

constexpr uid_t kNobody = static_cast<uid_t>(-1);  // what a socket without a peer says

Error Refuse(Status code, std::string detail) {
  return Error{code, "SO_PEERCRED", "", std::move(detail)};
}

Error Ended(pid_t pid) {
  return Refuse(status::kSessionUnknown,
                "process " + std::to_string(pid) + ", which made this connection, has ended");
}

template <class Value>
bool Get(int socket, int option, Value& value) {
  socklen_t length = sizeof(value);
  return getsockopt(socket, SOL_SOCKET, option, &value, &length) == 0;
}

// A peer's credentials and process. Before Linux 6.5 the process is the one that has the peer's pid now, if
// it runs as the same user.
std::unique_ptr<HeldProcess> Hold(int socket, const ucred& peer) {
#if defined(SO_PEERPIDFD)
  int pidfd = -1;
  if (Get(socket, SO_PEERPIDFD, pidfd)) return HoldByPidfd(pidfd);
  if (errno != ENOPROTOOPT) return nullptr;  // it has ended and its number is free
#endif
  return HoldByProc(static_cast<std::uint32_t>(peer.pid), peer.uid);
}

// The kernel's data of the process that made the connection.
Result<ucred> CredentialsOf(int socket) {
  int domain = 0;
  int listens = 0;
  ucred peer{};
  if (!Get(socket, SO_DOMAIN, domain) || !Get(socket, SO_ACCEPTCONN, listens)) {
    return Refuse(status::kInvalidParameter, std::string("this is no socket: ") + std::strerror(errno));
  }
  if (domain != AF_UNIX) {
    return Refuse(status::kInvalidParameter,
                  "only a Unix socket identifies its peer, and this socket has another family");
  }
  if (listens != 0) {
    return Refuse(status::kInvalidParameter, "this socket listens: ask the connections that it accepts");
  }
  if (!Get(socket, SO_PEERCRED, peer)) return Refuse(status::kInvalidParameter, std::strerror(errno));
  if (peer.pid == 0) {
    if (peer.uid == kNobody) return Refuse(status::kInvalidParameter, "this socket is not connected");
    return Refuse(
        status::kSessionUnknown,
        "the peer is in another pid namespace (a container's, or outside of this one's): its processes "
        "have no numbers here");
  }
  return peer;
}

}  // namespace

Result<PeerQuestion> AskPeer(std::intptr_t connection) {
  const int socket = static_cast<int>(connection);
  Result<ucred> credentials = CredentialsOf(socket);
  if (!credentials) return credentials.error();
  const ucred peer = *credentials;

  const std::shared_ptr<const HeldProcess> process = Hold(socket, peer);
  if (process == nullptr) {
    if (errno != EMFILE && errno != ENFILE) return Ended(peer.pid);
    return Refuse(status::kNoMemory, std::string("the peer cannot be held on to: ") + std::strerror(errno));
  }
  return PeerQuestion([peer, process]() -> Result<Peer> {
    const auto pid = static_cast<std::uint32_t>(peer.pid);
    Result<Session> session = SessionOfProcess(pid);
    // The results belong to this process only if the pid was its own all the time.
    if (!process->Runs()) return Ended(peer.pid);
    if (!session) return session.error();
    session->identity.user_id = std::to_string(peer.uid);
    session->user = UserName(peer.uid);
    return Peer{std::move(*session), pid, peer.uid};
  });
}

Result<std::string> UserOfPeer(std::intptr_t connection) {
  Result<ucred> credentials = CredentialsOf(static_cast<int>(connection));
  if (!credentials) return credentials.error();
  return std::to_string(credentials->uid);
}

}  // namespace pcsc_bridge
