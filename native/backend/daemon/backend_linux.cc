#include "backend/daemon/backend.h"

#include <poll.h>

#include <cerrno>
#include <utility>

#include "backend/daemon/client.h"
#include "backend/daemon/watcher.h"

namespace pcsc_bridge::backend {
namespace {

class DaemonBackend final : public Backend {
 public:
  explicit DaemonBackend(std::string socket) : socket_(std::move(socket)) {}

  const char* name() const override { return "daemon"; }
  std::unique_ptr<Client> MakeClient(const std::shared_ptr<Loop>& loop) const override {
    return std::make_unique<daemon::Client>(loop, socket_);
  }
  std::unique_ptr<Watcher> Watch(const std::shared_ptr<Loop>& loop, Report report) const override {
    return std::make_unique<daemon::Watcher>(loop, socket_, std::move(report));
  }

 private:
  const std::string socket_;
};

// Opens a link while the caller waits, and closes it. `version` is what the daemon says of itself.
Result<Done> TryToOpen(const std::string& socket, std::chrono::milliseconds limit, DaemonVersion& version) {
  using Clock = std::chrono::steady_clock;
  using std::chrono::milliseconds;
  const std::shared_ptr<Loop> loop = Loop::Create();
  if (!loop) return daemon::NoSocket(errno);
  const auto link = std::make_shared<daemon::Link>(loop, socket);
  Result<Done> result =
      Error{status::kTimeout, "SCardEstablishContext", "", "pcscd accepts connections but does not answer"};
  bool opened = false;
  link->Open([&](const Result<daemon::Link::Answer>& answer) {
    opened = true;
    result = answer ? Result<Done>(Done()) : answer.error();
  });
  const Clock::time_point end = Clock::now() + limit;
  for (milliseconds left = limit; !opened && left.count() > 0;
       left = std::chrono::ceil<milliseconds>(end - Clock::now())) {
    pollfd wanted{loop->descriptor(), POLLIN, 0};
    (void)poll(&wanted, 1, static_cast<int>(left.count()));
    loop->RunDue();
  }
  link->Close();
  version = DaemonVersion{link->daemon().major, link->daemon().minor, result.ok()};
  return result;
}

}  // namespace

std::unique_ptr<Backend> MakeDaemonBackend(std::string socket) {
  return std::make_unique<DaemonBackend>(std::move(socket));
}

Result<DaemonVersion> LearnDaemonVersion(const std::string& socket, std::chrono::milliseconds limit) {
  DaemonVersion version;
  const Result<Done> opened = TryToOpen(socket, limit, version);
  if (opened || opened.code() == status::kServiceStopped) return version;
  return opened.error();
}

Result<Done> AskDaemonVersion(const std::string& socket, std::chrono::milliseconds limit) {
  DaemonVersion version;
  return TryToOpen(socket, limit, version);
}

}  // namespace pcsc_bridge::backend
