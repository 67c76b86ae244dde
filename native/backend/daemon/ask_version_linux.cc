// The version question alone, for callers that may wait.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "backend/daemon/backend.h"
#include "backend/daemon/socket.h"
#include "backend/daemon/versions.h"

namespace pcsc_bridge::backend {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using daemon::Descriptor;
using daemon::Version;

constexpr milliseconds kPauseToConnect{5};

Error NoAnswer() {
  return Error{status::kTimeout, "SCardEstablishContext", "",
               "pcscd accepts connections but does not answer"};
}

Result<Descriptor> ConnectBefore(Clock::time_point end, const std::string& socket) {
  for (;;) {
    Result<std::optional<Descriptor>> connected = daemon::ConnectTo(socket);
    if (!connected) return connected.error();
    if (connected->has_value()) return std::move(**connected);
    if (Clock::now() >= end) return NoAnswer();
    std::this_thread::sleep_for(kPauseToConnect);
  }
}

bool WaitReadable(const Descriptor& descriptor, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    pollfd wanted{descriptor.number(), POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// No value if the daemon closes the connection.
Result<std::optional<Version>> Offer(const Descriptor& connection, std::int32_t minor,
                                     Clock::time_point end) {
  struct {
    daemon::Header header{sizeof(Version), daemon::Command::kVersion};
    Version version;
  } request;
  request.version.minor = minor;
  // The socket takes so short a message whole, or the daemon is gone.
  (void)send(connection.number(), &request, sizeof request, MSG_NOSIGNAL);
  Version answer;
  for (std::size_t come = 0; come < sizeof answer;) {
    if (!WaitReadable(connection, end)) return NoAnswer();
    const ssize_t length =
        recv(connection.number(), reinterpret_cast<char*>(&answer) + come, sizeof answer - come, 0);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (length <= 0) return std::optional<Version>();
    come += static_cast<std::size_t>(length);
  }
  return std::optional<Version>(answer);
}

}  // namespace

Result<DaemonVersion> LearnDaemonVersion(const std::string& socket, milliseconds limit) {
  const Clock::time_point end = Clock::now() + limit;
  Result<Descriptor> connection = ConnectBefore(end, socket);
  if (!connection) return connection.error();
  const std::int32_t offered = daemon::MinorToOffer(socket);
  const Result<std::optional<Version>> answer = Offer(*connection, offered, end);
  if (!answer) return answer.error();
  if (!answer.value()) {
    const std::string peer = daemon::PathOfPeer(*connection);
    return daemon::ClosedUnanswered(peer.empty() ? socket : peer);
  }
  const Version& version = *answer.value();
  DaemonVersion learnt{version.major, version.minor, false};
  // A refusal is final for the version that the daemon says it speaks.
  const bool can_offer_its_own =
      version.minor != offered && daemon::NearestMinor(version.minor) == version.minor;
  learnt.supported = version.major == daemon::kMajor && version.minor >= daemon::kOldestMinor &&
                     (version.code == status::kSuccess || can_offer_its_own);
  if (learnt.supported) daemon::RememberMinor(socket, version.minor);
  return learnt;
}

Result<Done> AskDaemonVersion(const std::string& socket, milliseconds limit) {
  const Result<DaemonVersion> version = LearnDaemonVersion(socket, limit);
  if (!version) return version.error();
  if (version.value().supported) return Done{};
  Version other;
  other.major = version.value().major;
  other.minor = version.value().minor;
  return daemon::ProtocolMismatch(other);
}

}  // namespace pcsc_bridge::backend
