#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>

#include "backend/daemon/socket.h"
#include "backend/socket_peer.h"

namespace pcsc_bridge::backend {
namespace {

// Nothing if it is not a socket any more.
std::optional<std::uint64_t> NumberOf(int descriptor) {
  struct stat about {};
  if (fstat(descriptor, &about) != 0 || !S_ISSOCK(about.st_mode)) return std::nullopt;
  return about.st_ino;
}

// Nothing unless it is a Unix socket that is connected to a named one.
std::optional<SocketPeer> PeerOf(int descriptor) {
  sockaddr_un address{};
  socklen_t length = sizeof(address);
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) return std::nullopt;
  constexpr socklen_t kNameless = offsetof(sockaddr_un, sun_path);
  if (address.sun_family != AF_UNIX || length <= kNameless) return std::nullopt;
  ucred process{};
  socklen_t size = sizeof(process);
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &process, &size) != 0) return std::nullopt;
  const std::size_t name = std::min<std::size_t>(length - kNameless, sizeof(address.sun_path));
  return SocketPeer{std::string(address.sun_path, name), process.pid, process.uid};
}

// Calls with each descriptor of this process; another thread may close it meanwhile.
template <class Look>
void ForEachDescriptor(Look look) {
  struct Close {
    void operator()(DIR* directory) const { (void)closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(opendir("/proc/self/fd"));
  if (!directory) return;
  while (const dirent* entry = readdir(directory.get())) {
    char* end = nullptr;
    const long descriptor = std::strtol(entry->d_name, &end, 10);
    if (end != entry->d_name && *end == '\0') look(static_cast<int>(descriptor));
  }
}

}  // namespace

Sockets OpenUnixSockets() {
  Sockets sockets;
  ForEachDescriptor([&](int descriptor) {
    if (const std::optional<std::uint64_t> number = NumberOf(descriptor)) sockets.insert(*number);
  });
  return sockets;
}

std::vector<SocketPeer> PeersOfNewSockets(const Sockets& before) {
  std::vector<SocketPeer> peers;
  ForEachDescriptor([&](int descriptor) {
    const std::optional<std::uint64_t> number = NumberOf(descriptor);
    if (!number || before.count(*number) != 0) return;
    if (std::optional<SocketPeer> peer = PeerOf(descriptor)) peers.push_back(std::move(*peer));
  });
  return peers;
}

bool LeadsToOneOf(const std::string& socket, const std::vector<SocketPeer>& peers) {
  if (peers.empty()) return false;
  // A service that accepts nothing more is not waited for.
  Result<std::optional<daemon::Descriptor>> connected = daemon::ConnectTo(socket);
  if (!connected || !connected->has_value()) return false;
  const std::optional<SocketPeer> peer = PeerOf((*connected)->number());
  return peer && std::find(peers.begin(), peers.end(), *peer) != peers.end();
}

}  // namespace pcsc_bridge::backend
