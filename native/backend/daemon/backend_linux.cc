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
    return std::make_unique<daemon::Client>(loop, socket_, contention_);
  }
  std::unique_ptr<Watcher> Watch(const std::shared_ptr<Loop>& loop, Report report) const override {
    return std::make_unique<daemon::Watcher>(loop, socket_, std::move(report));
  }

 private:
  const std::string socket_;
  const std::shared_ptr<daemon::Contention> contention_ = std::make_shared<daemon::Contention>();
};

}  // namespace

std::unique_ptr<Backend> MakeDaemonBackend(std::string socket) {
  return std::make_unique<DaemonBackend>(std::move(socket));
}

DaemonVersion AskDaemonVersion(const std::string& socket, std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  using std::chrono::milliseconds;
  DaemonVersion version;
  const std::shared_ptr<Loop> loop = Loop::Create();
  if (!loop) {
    version.usable = daemon::NoSocket(errno);
    return version;
  }
  version.usable =
      Error{status::kTimeout, "SCardEstablishContext", "", "pcscd accepts connections but does not answer"};
  const auto link = std::make_shared<daemon::Link>(loop, socket);
  bool asked = false;
  link->Open([&](const Result<daemon::Link::Answer>& opened) {
    asked = true;
    version.usable = opened ? Result<Done>(Done()) : opened.error();
  });
  const Clock::time_point end = Clock::now() + limit;
  for (milliseconds left = limit; !asked && left.count() > 0;
       left = std::chrono::ceil<milliseconds>(end - Clock::now())) {
    pollfd wanted{loop->descriptor(), POLLIN, 0};
    (void)poll(&wanted, 1, static_cast<int>(left.count()));
    loop->RunDue();
  }
  link->Close();
  version.major = link->daemon().major;
  version.minor = link->daemon().minor;
  return version;
}

}  // namespace pcsc_bridge::backend
