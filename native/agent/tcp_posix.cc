#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>

#include "agent/stream.h"

namespace pcsc_bridge::agent::platform {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0;
#endif

std::string Words(int code) {
  return std::generic_category().message(code);
}

class TcpStream final : public Stream {
 public:
  explicit TcpStream(int socket) : socket_(socket) {}
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream() override { close(socket_); }

  Outcome Read(char* buffer, std::size_t size, std::size_t& read) override {
    for (;;) {
      const ssize_t count = recv(socket_, buffer, size, 0);
      if (count > 0) read = static_cast<std::size_t>(count);
      if (count >= 0) return count > 0 ? Outcome::kGood : Outcome::kEnd;
      if (errno != EINTR) return Broken();
    }
  }

  bool Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = send(socket_, bytes.data(), bytes.size(), kSendFlags);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Broken() == Outcome::kGood;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  std::string reason() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return reason_;
  }

 private:
  Outcome Broken() {
    const int code = errno;
    const std::lock_guard<std::mutex> lock(mutex_);
    reason_ = "the connection broke: " + Words(code);
    return Outcome::kBroken;
  }

  const int socket_;
  mutable std::mutex mutex_;  // a read and a write may break at once
  std::string reason_;
};

void Set(int socket, int level, int option, int value) {
  (void)setsockopt(socket, level, option, &value, sizeof value);
}

// An unreachable controller is given up after 25 seconds, so that the card is not held any longer: by
// keep-alive probes while the link is idle, and otherwise by unacknowledged data.
void Configure(int socket) {
  Set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  Set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
  Set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  Set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  Set(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
#endif
#ifdef TCP_USER_TIMEOUT
  Set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 25'000);  // milliseconds
#endif
#ifdef SO_NOSIGPIPE
  Set(socket, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

}  // namespace

std::shared_ptr<Stream> ConnectTcp(const std::string& host, const std::string& port, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (failure != 0) {
    why = failure == EAI_SYSTEM ? Words(errno) : gai_strerror(failure);
    return nullptr;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(list, freeaddrinfo);
  for (const addrinfo* address = list; address != nullptr; address = address->ai_next) {
    const int descriptor = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (descriptor >= 0) {
      auto stream = std::make_shared<TcpStream>(descriptor);
      Configure(descriptor);
      if (connect(descriptor, address->ai_addr, address->ai_addrlen) == 0) return stream;
    }
    why = Words(errno);
  }
  return nullptr;
}

}  // namespace pcsc_bridge::agent::platform
