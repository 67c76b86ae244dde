#include "backend/chooser.h"

#include "backend/library/backend.h"
#include "backend/library/context.h"
#include "backend/socket_peer.h"
#include "loop/worker.h"

namespace pcsc_bridge::backend {

void Chooser::Choose(const std::shared_ptr<Loop>& loop, std::function<void(Result<Choice>)> then) {
  std::optional<Choice> made;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    made = choice_;
    if (!made) {
      waiting_.push_back({loop, std::move(then)});
      if (waiting_.size() > 1) return;
    }
  }
  if (made) {
    then(*made);
  } else if (!RunOnWorker([this] { Conclude(Decide()); })) {
    Conclude(NoThreadError());
  }
}

void Chooser::Conclude(const Result<Choice>& result) {
  std::vector<Waiting> waiting;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (result) choice_ = result.value();
    waiting.swap(waiting_);
  }
  for (Waiting& each : waiting) {
    const std::shared_ptr<Loop> loop = each.loop.lock();
    if (loop) loop->Post([then = std::move(each.then), result] { then(result); });
  }
}

Result<Choice> Chooser::UseLibrary(std::string reason) {
  const Result<const Library*> library = surroundings_.load_library();
  if (!library) return library.error();
  backend_ = MakeLibraryBackend(*library.value());
  return Choice{backend_.get(), std::move(reason)};
}

Choice Chooser::UseDaemon(std::string reason) {
  backend_ = surroundings_.make_daemon_backend(surroundings_.variables.socket);
  return Choice{backend_.get(), std::move(reason)};
}

Result<Choice> Chooser::Decide() {
  const EnvironmentVariables& variables = surroundings_.variables;
  const bool has_daemon = surroundings_.make_daemon_backend != nullptr;
  if (!variables.library.empty()) {
    return UseLibrary("PCSC_BRIDGE_LIBRARY names the library " + variables.library);
  }
  if (variables.backend == "library") return UseLibrary("PCSC_BRIDGE_BACKEND is library");
  if (variables.backend == "daemon" && has_daemon) return UseDaemon("PCSC_BRIDGE_BACKEND is daemon");
  if (!variables.backend.empty()) {
    return Error{status::kInvalidValue, "PCSC_BRIDGE_BACKEND", "",
                 "PCSC_BRIDGE_BACKEND is \"" + variables.backend +
                     (has_daemon ? "\": set it to library or daemon, or unset it"
                                 : "\": set it to library or unset it; daemon is for Linux")};
  }
  if (!has_daemon) return UseLibrary("this system has one way to reach PC/SC: its library");
  if (variables.delegates) {
    return UseLibrary("LIBPCSCLITE_DELEGATE is set: libpcsclite passes its calls on to another library");
  }
  if (surroundings_.spy_is_loaded())
    return UseLibrary("libpcscspy is loaded, which stands between programs and the library");
  return UseWhatLibraryReaches();
}

Result<Choice> Chooser::UseWhatLibraryReaches() {
  const std::string& socket = surroundings_.variables.socket;
  const Result<const Library*> library = surroundings_.load_library();
  if (!library) return library.error();
  {
    const Sockets before = OpenUnixSockets();
    const Result<Context> context = Context::Establish(*library.value());
    if (!context) return context.error();
    const std::vector<SocketPeer> reached = PeersOfNewSockets(before);
    // The context is still there: what it is connected to is compared with what we get at the socket.
    if (!LeadsToOneOf(socket, reached)) {
      return UseLibrary("the library does not talk to " + socket +
                        ": it is not pcsc-lite's own, or is set up " + "for another service");
    }
  }
  const Result<Done> version = surroundings_.ask_daemon_version(socket);
  if (version)
    return UseDaemon("the library talks to pcscd at " + socket + ", and so does the daemon backend");
  if (version.code() == status::kServiceStopped) {
    return UseLibrary("pcscd at " + socket + " speaks a protocol that the daemon backend does not know");
  }
  return UseLibrary("pcscd at " + socket + " did not answer the daemon backend (" +
                    Describe(version.code()).name + ")");
}

}  // namespace pcsc_bridge::backend
