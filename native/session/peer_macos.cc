#include <bsm/audit.h>
#include <mach/message.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "session/peer.h"
#include "session/user_name.h"

namespace pcsc_bridge {
namespace {

// The fields of an audit_token_t, as audit_token_to_...() of libbsm read them.
enum TokenField { kEffectiveUser = 1, kProcess = 5, kAuditSession = 6 };

Result<audit_token_t> TokenOf(std::intptr_t connection) {
  audit_token_t token{};
  socklen_t length = sizeof(token);
  if (getsockopt(static_cast<int>(connection), SOL_LOCAL, LOCAL_PEERTOKEN, &token, &length) != 0) {
    return Error{status::kInvalidParameter, "LOCAL_PEERTOKEN", "",
                 std::string("this is no connected Unix socket: ") + std::strerror(errno)};
  }
  return token;
}

}  // namespace

// The token has the session itself, of the moment when the peer connected: no process is looked up.
Result<PeerQuestion> AskPeer(std::intptr_t connection) {
  Result<audit_token_t> token = TokenOf(connection);
  if (!token) return token.error();
  return PeerQuestion([token = *token]() -> Result<Peer> {
    const std::uint32_t id = token.val[kAuditSession];
    if (static_cast<au_asid_t>(id) == AU_DEFAUDITSID) {
      return Error{status::kSessionUnknown, "LOCAL_PEERTOKEN", "", "the peer is in no audit session"};
    }
    const uid_t user = token.val[kEffectiveUser];
    Session session;
    session.source = SessionSource::kAudit;
    session.identity.id = id;
    session.identity.user_id = std::to_string(user);
    session.user = UserName(user);
    return Peer{session, token.val[kProcess], user};
  });
}

Result<std::string> UserOfPeer(std::intptr_t connection) {
  Result<audit_token_t> token = TokenOf(connection);
  if (!token) return token.error();
  return std::to_string(token->val[kEffectiveUser]);
}

}  // namespace pcsc_bridge
