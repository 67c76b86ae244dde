// The rules by which a process chooses its backend.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/choice.h"
#include "backend/environment_variables.h"
#include "backend/library/library.h"

namespace pcsc_bridge::backend {

// The inputs of the choice. The functions may block; they are called on a worker thread.
struct Surroundings {
  EnvironmentVariables variables;
  std::function<Result<const Library*>()> load_library;

  // Null if the platform has no daemon backend.
  std::function<std::unique_ptr<Backend>(const std::string& socket)> make_daemon_backend;
  std::function<Result<Done>(const std::string& socket)> ask_daemon_version;
  std::function<bool()> spy_is_loaded;
};

// Any thread. Lives as long as the process: so do the backends that it hands out, once it has chosen.
class Chooser {
 public:
  explicit Chooser(Surroundings surroundings) : surroundings_(std::move(surroundings)) {}
  Chooser(const Chooser&) = delete;
  Chooser& operator=(const Chooser&) = delete;

  // See backend/choice.h.
  void Choose(const std::shared_ptr<Loop>& loop, std::function<void(Result<Choice>)> then);

 private:
  struct Waiting {
    std::weak_ptr<Loop> loop;
    std::function<void(Result<Choice>)> then;
  };

  // The worker's.
  Result<Choice> Decide();
  Result<Choice> UseLibrary(std::string reason);
  Choice UseDaemon(std::string reason);
  Result<Choice> UseWhatLibraryReaches();

  void Conclude(const Result<Choice>& result);

  const Surroundings surroundings_;
  std::unique_ptr<Backend> backend_;  // owned by the worker until the choice has been made

  std::mutex mutex_;
  std::optional<Choice> choice_;
  std::vector<Waiting> waiting_;  // a worker decides while it is not empty
};

}  // namespace pcsc_bridge::backend
