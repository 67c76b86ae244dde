#include "backend/library/backend.h"

#include <utility>

namespace pcsc_bridge::backend {
namespace {

class LibraryBackend final : public Backend {
 public:
  explicit LibraryBackend(const Library& library) : library_(library) {}

  const char* name() const override { return "library"; }
  std::unique_ptr<Client> MakeClient(const std::shared_ptr<Loop>& loop) const override {
    return MakeLibraryClient(library_, loop);
  }
  std::unique_ptr<Watcher> Watch(const std::shared_ptr<Loop>& loop, Report report) const override {
    return MakeLibraryWatcher(library_, loop, std::move(report));
  }

 private:
  const Library& library_;
};

}  // namespace

std::unique_ptr<Backend> MakeLibraryBackend(const Library& library) {
  return std::make_unique<LibraryBackend>(library);
}

}  // namespace pcsc_bridge::backend
