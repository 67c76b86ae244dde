// A listening named pipe, Windows' local socket. Node.js does not expose the handles of its own pipes, so
// the addon makes them. Windows only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "pcsc/result.h"

namespace pcsc_bridge {

// Who may open the pipe, besides SYSTEM and the administrators. Clients on other computers never may.
enum class PipeAccess { kOwner, kInteractiveUsers };

class PipeServer {
 public:
  // Receives the handle of a pipe that a client has opened, and owns it; or the error if none could be
  // made. Called on the server's thread.
  using Arrived = std::function<void(Result<std::intptr_t>)>;

  // `path` is \\.\pipe\NAME in UTF-8. Fails with kSharingViolation if another process has a pipe of that
  // name, and with kInvalidParameter for any other path. A thread of its own waits for clients and never
  // keeps a process from ending.
  static Result<std::shared_ptr<PipeServer>> Listen(const std::string& path, PipeAccess access,
                                                    Arrived arrived);

  ~PipeServer();
  PipeServer(const PipeServer&) = delete;
  PipeServer& operator=(const PipeServer&) = delete;

  // Accepts no more clients; one that has connected already may still be reported. Does not wait.
  // `stopped`, if not null, is called on the server's thread when the pipe is closed.
  void Stop(std::function<void()> stopped);

 private:
  struct Shared;
  explicit PipeServer(std::shared_ptr<Shared> shared);

  const std::shared_ptr<Shared> shared_;
};

// The client's side: opens a pipe of a PipeServer with fewer rights than Node.js requests. The server
// learns this process's user and cannot impersonate it. Waits up to five seconds if all instances are
// taken. Fails with kNoService if no process listens.
Result<std::intptr_t> OpenPipe(const std::string& path);

}  // namespace pcsc_bridge
