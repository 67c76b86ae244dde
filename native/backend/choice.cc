#include "backend/choice.h"

#include <utility>

#include "backend/chooser.h"
#include "loop/immortal.h"

#if defined(__linux__)
#include <link.h>

#include <chrono>
#include <string_view>

#include "backend/daemon/backend.h"
#endif

namespace pcsc_bridge::backend {
namespace {

#if defined(__linux__)
// pcscd answers within a millisecond.
constexpr std::chrono::milliseconds kVersionLimit{2000};

bool SpyIsLoaded() {
  const auto look = [](dl_phdr_info* object, std::size_t, void*) {
    return std::string_view(object->dlpi_name).find("libpcscspy") != std::string_view::npos ? 1 : 0;
  };
  return dl_iterate_phdr(look, nullptr) != 0;
}
#endif

Surroundings OfThisProcess() {
  Surroundings surroundings;
  surroundings.variables = ReadEnvironmentVariables();
  surroundings.load_library = Library::Load;
#if defined(__linux__)
  surroundings.make_daemon_backend = MakeDaemonBackend;
  surroundings.ask_daemon_version = [](const std::string& socket) {
    return AskDaemonVersion(socket, kVersionLimit).usable;
  };
  surroundings.spy_is_loaded = SpyIsLoaded;
#endif
  return surroundings;
}

}  // namespace

void Choose(const std::shared_ptr<Loop>& loop, std::function<void(Result<Choice>)> then) {
  // Reads the environment here, and not on the worker: see ReadEnvironmentVariables.
  static Immortal<Chooser> chooser(OfThisProcess());
  chooser->Choose(loop, std::move(then));
}

Provider OfProcess() {
  return [](const std::shared_ptr<Loop>& loop, std::function<void(Result<const Backend*>)> then) {
    Choose(loop, [then = std::move(then)](const Result<Choice>& choice) {
      if (choice) {
        then(choice.value().backend);
      } else {
        then(choice.error());
      }
    });
  };
}

}  // namespace pcsc_bridge::backend
