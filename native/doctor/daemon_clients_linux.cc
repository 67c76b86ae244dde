// The kernel's list of Unix sockets (sock_diag(7)) says which sockets are connected to the daemon's; /proc
// says whose they are.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "backend/daemon/socket.h"
#include "doctor/daemon_clients.h"
#include "session/proc_directory.h"
#include "session/user_name.h"

namespace pcsc_bridge::doctor {
namespace {

using Sockets = std::set<std::uint32_t>;  // by number (inode)

std::string Words(const std::string& what) {
  return what + ": " + std::generic_category().message(errno);
}

// A socket file, as the kernel's list names it.
struct SocketFile {
  std::uint32_t inode = 0;
  std::uint32_t device = 0;
};

std::optional<SocketFile> FileAt(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return std::nullopt;
  // The kernel's own form of a device number.
  const std::uint32_t device = (major(about.st_dev) << 20) | minor(about.st_dev);
  return SocketFile{static_cast<std::uint32_t>(about.st_ino), device};
}

// The other end of a connection to that file, if this is one.
std::optional<std::uint32_t> PeerIn(const nlmsghdr& header, const SocketFile& file) {
  const auto* socket = static_cast<const unix_diag_msg*>(NLMSG_DATA(&header));
  std::uint32_t peer = 0;
  bool is_daemons = false;
  auto length = static_cast<int>(NLMSG_PAYLOAD(&header, sizeof(unix_diag_msg)));
  for (auto* attribute = reinterpret_cast<const rtattr*>(socket + 1); RTA_OK(attribute, length);
       attribute = RTA_NEXT(attribute, length)) {
    if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attribute) >= sizeof peer) {
      std::memcpy(&peer, RTA_DATA(attribute), sizeof peer);
    } else if (attribute->rta_type == UNIX_DIAG_VFS && RTA_PAYLOAD(attribute) >= sizeof(unix_diag_vfs)) {
      unix_diag_vfs bound{};
      std::memcpy(&bound, RTA_DATA(attribute), sizeof bound);
      is_daemons = bound.udiag_vfs_ino == file.inode && bound.udiag_vfs_dev == file.device;
    }
  }
  if (!is_daemons || peer == 0) return std::nullopt;
  return peer;
}

Fact<Sockets> SocketsConnectedTo(const SocketFile& file) {
  using Unknown = Fact<Sockets>;
  const daemon::Descriptor netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink) return Unknown::Unknown(Words("the kernel does not list sockets"));
  struct {
    nlmsghdr header{};
    unix_diag_req request{};
  } question;
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.request.sdiag_family = AF_UNIX;
  question.request.udiag_states = 1U << TCP_ESTABLISHED;
  question.request.udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_VFS;
  if (send(netlink.number(), &question, sizeof question, 0) < 0)
    return Unknown::Unknown(Words("the kernel does not list sockets"));

  Sockets peers;
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    const ssize_t received = recv(netlink.number(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return Unknown::Unknown(Words("the kernel does not list sockets"));
    auto length = static_cast<unsigned>(received);
    for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(header, length);
         header = NLMSG_NEXT(header, length)) {
      if (header->nlmsg_type == NLMSG_DONE) return peers;
      if (header->nlmsg_type == NLMSG_ERROR) {
        errno = -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
        return Unknown::Unknown(Words("the kernel does not list Unix sockets"));
      }
      if (const std::optional<std::uint32_t> peer = PeerIn(*header, file)) peers.insert(*peer);
    }
  }
}

// Which of the sockets a process has.
Sockets SocketsOf(const std::string& process, const Sockets& wanted) {
  Sockets found;
  const std::string path = process + "/fd/";
  const DirectoryEntries descriptors = EntriesOf(path);
  if (!descriptors) return found;
  while (const dirent* entry = readdir(descriptors.get())) {
    std::array<char, 64> target{};
    const ssize_t length = readlink((path + entry->d_name).c_str(), target.data(), target.size() - 1);
    constexpr std::string_view kPrefix = "socket:[";
    const std::string_view link(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    if (link.substr(0, kPrefix.size()) != kPrefix) continue;
    const auto number = ParseNumber<std::uint32_t>(link.substr(kPrefix.size()));
    if (number && wanted.count(*number) != 0) found.insert(*number);
  }
  return found;
}

DaemonClient ClientOf(const std::string& path, std::int64_t pid, std::size_t connections) {
  DaemonClient client{pid, "", "", connections};
  const ProcDirectory process(path);
  client.program = process.Read("comm").value_or("");
  if (!client.program.empty() && client.program.back() == '\n') client.program.pop_back();
  struct stat about {};
  if (stat(path.c_str(), &about) == 0) client.user = UserName(about.st_uid);
  return client;
}

}  // namespace

Fact<DaemonClients> FindDaemonClients(const std::string& socket) {
  const std::optional<SocketFile> file = FileAt(socket);
  if (!file) return Fact<DaemonClients>::Unknown(Words(socket));
  const Fact<Sockets> connected = SocketsConnectedTo(*file);
  if (!connected.known()) return Fact<DaemonClients>::Unknown(connected.reason);

  std::map<std::int64_t, DaemonClient> clients;
  Sockets unseen = *connected;
  const DirectoryEntries processes = EntriesOf("/proc");
  if (!processes) return Fact<DaemonClients>::Unknown(Words("/proc"));
  while (const dirent* entry = readdir(processes.get())) {
    const auto pid = ParseNumber<std::int64_t>(entry->d_name);
    if (!pid) continue;
    const std::string path = std::string("/proc/") + entry->d_name;
    // One that a process has inherited is counted for both.
    const Sockets found = SocketsOf(path, *connected);
    if (found.empty()) continue;
    clients.emplace(*pid, ClientOf(path, *pid, found.size()));
    for (const std::uint32_t number : found) unseen.erase(number);
  }
  DaemonClients all;
  for (auto& [pid, client] : clients) all.processes.push_back(std::move(client));
  all.unseen = unseen.size();
  return all;
}

}  // namespace pcsc_bridge::doctor
