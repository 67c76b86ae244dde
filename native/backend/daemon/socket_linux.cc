#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "backend/daemon/socket.h"
#include "backend/line_file.h"

namespace pcsc_bridge::daemon {
namespace {

// pcscd serves 200 contexts by default and refuses the next one. One of them may have closed between its
// refusal and our count.
constexpr std::size_t kContextsAtLimit = 199;

Error CannotConnect(int error, const std::string& path) {
  const auto fail = [](Status code, std::string detail) {
    return Error{code, "SCardEstablishContext", "", std::move(detail)};
  };
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return fail(status::kNoService,
                  "there is no socket " + path + ": pcscd does not run and systemd does not listen for it");
    case ECONNREFUSED:
      return fail(status::kNoService,
                  "no process listens on " + path + ": pcscd has ended without removing its socket");
    case EACCES:
    case EPERM:
      return fail(status::kSecurityViolation,
                  "pcscd may be running, but this user has no permission to open its socket " + path);
    case ENOMEM:
    case ENOBUFS:
      return fail(status::kNoMemory, "the system has no memory for another connection to pcscd");
    default:
      return fail(status::kNoService, "the socket " + path + " cannot be opened: " + std::strerror(error));
  }
}

// The connections that the daemon at this path has accepted. Each line of the list is: number, references,
// protocol, flags, type, state, inode, path.
std::size_t CountAccepted(const std::string& path) {
  backend::LineFile list("/proc/net/unix");
  std::size_t count = 0;
  for (std::string line; list.Next(line);) {
    unsigned state = 0;
    int before_path = 0;
    constexpr char kFields[] = "%*s %*s %*s %*s %*s %x %*s %n";
    if (std::sscanf(line.c_str(), kFields, &state, &before_path) != 1 || before_path == 0) continue;
    if (state == 3 && line.compare(static_cast<std::size_t>(before_path), std::string::npos, path) == 0)
      ++count;
  }
  return count;
}

}  // namespace

void Descriptor::Close() {
  if (number_ >= 0) (void)close(std::exchange(number_, -1));
}

Error NoSocket(int error) {
  std::string detail = std::strerror(error);
  if (error == EMFILE) {
    detail =
        "this process has no file descriptor left for a connection to pcscd; raise its limit (ulimit -n)";
  } else if (error == ENFILE) {
    detail = "the system has no file descriptor left for a connection to pcscd; raise fs.file-max";
  }
  return Error{status::kNoMemory, "socket", "", std::move(detail)};
}

Result<std::optional<Descriptor>> ConnectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr std::size_t kLongest = sizeof(address.sun_path) - 1;
  if (path.empty() || path.size() > kLongest) {
    return Error{status::kInvalidValue, "SCardEstablishContext", "",
                 "the path of pcscd's socket has " + std::to_string(path.size()) + " bytes, and 1 to " +
                     std::to_string(kLongest) + " are possible; set PCSCLITE_CSOCK_NAME to another path"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Descriptor descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!descriptor) return NoSocket(errno);
  while (connect(descriptor.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return std::optional<Descriptor>();
    if (errno != EINTR) return CannotConnect(errno, path);
  }
  return std::optional<Descriptor>(std::move(descriptor));
}

std::string PathOfPeer(const Descriptor& connection) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (getpeername(connection.number(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return "";
  return std::string(address.sun_path, strnlen(address.sun_path, sizeof(address.sun_path)));
}

Error ClosedUnanswered(const std::string& path) {
  const char* const operation = "SCardEstablishContext";
  if (CountAccepted(path) >= kContextsAtLimit) {
    return Error{status::kServerTooBusy, operation, "",
                 "pcscd serves 200 contexts per host and has none left; close programs or sessions that use "
                 "smart cards, or start pcscd with a higher --max-thread"};
  }
  return Error{status::kSecurityViolation, operation, "",
               "pcscd closed the connection without an answer, as it does if polkit refuses the user; allow "
               "the action org.debian.pcsc-lite.access_pcsc in a polkit rule, and see pcscd's log"};
}

}  // namespace pcsc_bridge::daemon
