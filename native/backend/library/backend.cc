#include "backend/library/backend.h"

#include "backend/library/client.h"
#include "backend/library/watcher.h"

namespace pcsc_bridge::backend {
namespace {

class LibraryBackend final : public Backend {
 public:
  explicit LibraryBackend(const Library& library) : library_(library) {}

  const char* name() const override { return "library"; }
  std::unique_ptr<Client> MakeClient(const std::shared_ptr<Loop>& loop) const override {
    return std::make_unique<LibraryClient>(library_, loop);
  }
  std::unique_ptr<Watcher> Watch(const std::shared_ptr<Loop>& loop, Report report) const override {
    return std::make_unique<LibraryWatcher>(library_, loop, std::move(report));
  }

 private:
  const Library& library_;
};

}  // namespace

std::unique_ptr<Backend> MakeLibraryBackend(const Library& library) {
  return std::make_unique<LibraryBackend>(library);
}

}  // namespace pcsc_bridge::backend
