// Winsock 2, as NT 6.0 has it.
#include <winsock2.h>
#include <ws2tcpip.h>
// After them: what SIO_KEEPALIVE_VALS takes.
#include <mstcpip.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <system_error>

#include "agent/stream.h"

namespace pcsc_bridge::agent::platform {
namespace {

std::string Words(int code) {
  return std::system_category().message(code);
}

class TcpStream final : public Stream {
 public:
  explicit TcpStream(SOCKET socket) : socket_(socket) {}
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;
  ~TcpStream() override { closesocket(socket_); }

  Outcome Read(char* buffer, std::size_t size, std::size_t& read) override {
    const int count = recv(socket_, buffer, static_cast<int>(size), 0);
    if (count == SOCKET_ERROR) return Broken();
    read = static_cast<std::size_t>(count);
    return count > 0 ? Outcome::kGood : Outcome::kEnd;
  }

  bool Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const int part = static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20));
      const int count = send(socket_, bytes.data(), part, 0);
      if (count == SOCKET_ERROR) return Broken() == Outcome::kGood;
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
    const int code = WSAGetLastError();
    const std::lock_guard<std::mutex> lock(mutex_);
    reason_ = "the connection broke: " + Words(code);
    return Outcome::kBroken;
  }

  const SOCKET socket_;
  mutable std::mutex mutex_;  // a read and a write may break at once
  std::string reason_;
};

void Configure(SOCKET socket) {
  const BOOL yes = TRUE;
  (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&yes), sizeof yes);
  tcp_keepalive alive{};
  alive.onoff = 1;
  alive.keepalivetime = 10000;
  alive.keepaliveinterval = 2000;  // ten times, which NT 6.0 has fixed
  DWORD returned = 0;
  (void)WSAIoctl(socket, SIO_KEEPALIVE_VALS, &alive, sizeof alive, nullptr, 0, &returned, nullptr, nullptr);
}

}  // namespace

std::shared_ptr<Stream> ConnectTcp(const std::string& host, const std::string& port, std::string& why) {
  WSADATA data;
  const int refused = WSAStartup(MAKEWORD(2, 2), &data);
  if (refused != 0) {
    why = Words(refused);
    return nullptr;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (failure != 0) {
    why = Words(failure);
    return nullptr;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(list, freeaddrinfo);
  for (const addrinfo* address = list; address != nullptr; address = address->ai_next) {
    const SOCKET handle = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (handle != INVALID_SOCKET) {
      auto stream = std::make_shared<TcpStream>(handle);
      Configure(handle);
      if (connect(handle, address->ai_addr, static_cast<int>(address->ai_addrlen)) == 0) return stream;
    }
    why = Words(WSAGetLastError());
  }
  return nullptr;
}

}  // namespace pcsc_bridge::agent::platform
