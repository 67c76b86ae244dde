#include "backend/daemon/backend.h"

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

}  // namespace

std::unique_ptr<Backend> MakeDaemonBackend(std::string socket) {
  return std::make_unique<DaemonBackend>(std::move(socket));
}

}  // namespace pcsc_bridge::backend
