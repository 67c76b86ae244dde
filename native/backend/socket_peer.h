// Which service a Unix socket of this process is connected to.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace pcsc_bridge::backend {

// The peer: the address that the service has bound, and the process that listens. The address may differ
// from the path that was connected to, because the service may see another file system.
struct SocketPeer {
  std::string address;
  std::int64_t process = 0;
  std::int64_t user = 0;

  bool operator==(const SocketPeer& other) const {
    return address == other.address && process == other.process && user == other.user;
  }
};

// The sockets of this process, by inode number. socket_peer_linux.cc; other systems have none
// (socket_peer_portable.cc).
using Sockets = std::set<std::uint64_t>;
Sockets OpenUnixSockets();

// The peers of the connected Unix sockets that were not open before.
std::vector<SocketPeer> PeersOfNewSockets(const Sockets& before);

// Whether a connection to the socket of this name has one of these peers. Connects, and closes at once.
bool LeadsToOneOf(const std::string& socket, const std::vector<SocketPeer>& peers);

}  // namespace pcsc_bridge::backend
