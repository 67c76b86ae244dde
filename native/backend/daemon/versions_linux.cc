#include <algorithm>
#include <map>
#include <mutex>

#include "backend/daemon/versions.h"
#include "loop/immortal.h"

namespace pcsc_bridge::daemon {
namespace {

struct Minors {
  std::mutex mutex;
  std::map<std::string, std::int32_t> of_socket;
};

Minors& OfProcess() {
  static Immortal<Minors> minors;
  return *minors;
}

}  // namespace

std::int32_t NearestMinor(std::int32_t minor) {
  return std::clamp(minor, kOldestMinor, kNewestMinor);
}

std::int32_t MinorToOffer(const std::string& socket) {
  Minors& minors = OfProcess();
  const std::lock_guard<std::mutex> lock(minors.mutex);
  const auto found = minors.of_socket.find(socket);
  return found == minors.of_socket.end() ? kOldestMinor : found->second;
}

void RememberMinor(const std::string& socket, std::int32_t minor) {
  Minors& minors = OfProcess();
  const std::lock_guard<std::mutex> lock(minors.mutex);
  minors.of_socket[socket] = NearestMinor(minor);
}

Error ProtocolMismatch(const Version& daemon) {
  const auto name = [](std::int32_t minor) { return std::to_string(kMajor) + ":" + std::to_string(minor); };
  return Error{status::kServiceStopped, "SCardEstablishContext", "",
               "pcscd speaks protocol " + std::to_string(daemon.major) + ":" + std::to_string(daemon.minor) +
                   ", and this program " + name(kOldestMinor) + " to " + name(kNewestMinor)};
}

}  // namespace pcsc_bridge::daemon
