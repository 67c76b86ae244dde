#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "doctor/pcscd_socket.h"
#include "backend/daemon/protocol.h"

namespace pcsc_bridge::doctor {
namespace {

using Clock = std::chrono::steady_clock;
using Protocol = Fact<std::string>;

// The first question of every client, the same in every 4.x: the daemon answers with its own numbers.
struct VersionQuestion {
  const daemon::Header header{sizeof(daemon::Version), daemon::Command::kVersion};
  const daemon::Version version;
};

class Socket {
 public:
  Socket() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }

  bool WaitFor(short events, Clock::time_point end) const {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
      pollfd wanted{fd_, events, 0};
      const int ready = poll(&wanted, 1, left > 0 ? static_cast<int>(left) : 0);
      if (ready >= 0 || errno != EINTR) return ready > 0;
    }
  }

 private:
  const int fd_;
};

Protocol CannotConnect(int error) {
  switch (error) {
    case ENOENT:
      return Protocol::Unknown(
          "there is no such socket: pcscd does not run and systemd does not listen for it");
    case ECONNREFUSED:
      return Protocol::Unknown("nobody listens there any more: pcscd has ended without tidying up");
    case EACCES:
    case EPERM:
      return Protocol::Unknown("this user may not open the socket");
    case EAGAIN:
      return Protocol::Unknown(
          "pcscd takes no more connections just now: it is stuck, or has too many clients");
    default:
      return Protocol::Unknown(std::string("the socket cannot be connected: ") + std::strerror(error));
  }
}

DaemonAnswer Refusal() {
  return {Protocol::Unknown(
              "pcscd closes the connection at once: it has too many clients, or polkit refuses this user"),
          true};
}

}  // namespace

DaemonAnswer AskDaemon(const std::string& path, std::chrono::milliseconds limit) {
  const Clock::time_point end = Clock::now() + limit;
  const Socket socket;
  if (socket.fd() < 0) return {CannotConnect(errno)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return {Protocol::Unknown("the socket's path is empty or too long")};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return {CannotConnect(errno)};
  }

  // So short a message goes whole, or the other end is gone.
  const VersionQuestion question;
  if (send(socket.fd(), &question, sizeof(question), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(sizeof(question))) {
    return Refusal();
  }
  daemon::Version answer;
  std::size_t received = 0;
  while (received < sizeof(answer)) {
    if (!socket.WaitFor(POLLIN, end)) {
      return {Protocol::Unknown("pcscd accepts connections but does not answer")};
    }
    const ssize_t length =
        recv(socket.fd(), reinterpret_cast<char*>(&answer) + received, sizeof(answer) - received, 0);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (length <= 0) return Refusal();
    received += static_cast<std::size_t>(length);
  }
  return {std::to_string(answer.major) + ":" + std::to_string(answer.minor)};
}

}  // namespace pcsc_bridge::doctor
