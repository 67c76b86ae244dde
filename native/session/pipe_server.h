// A named pipe that listens, Windows' local socket: Node.js gives no handle of those it makes, so the addon
// makes its own. Windows only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "pcsc/result.h"

namespace pcsc_bridge {

// Who may open the pipe, besides SYSTEM and the administrators; nobody from another computer ever may.
enum class PipeAccess { kOwner, kInteractiveUsers };

class PipeServer {
 public:
  // The handle of a pipe that a client has opened, whose owner the receiver is; or why none could be made.
  // Called on a thread of the server's.
  using Arrived = std::function<void(Result<std::intptr_t>)>;

  // `path` is \\.\pipe\NAME in UTF-8. Fails with kSharingViolation where somebody has a pipe of that name,
  // and with kInvalidParameter where it is no such path. Clients are waited for on a thread of its own, which
  // never keeps a process from ending.
  static Result<std::shared_ptr<PipeServer>> Listen(const std::string& path, PipeAccess access,
                                                    Arrived arrived);

  ~PipeServer();
  PipeServer(const PipeServer&) = delete;
  PipeServer& operator=(const PipeServer&) = delete;

  // No more clients; one that has arrived already may still be told of. Does not wait. `stopped`, where there
  // is one, is called on the server's thread when nothing listens at the path any more.
  void Stop(std::function<void()> stopped);

 private:
  struct Shared;
  explicit PipeServer(std::shared_ptr<Shared> shared);

  const std::shared_ptr<Shared> shared_;
};

// The client's side: opens a pipe that a PipeServer made, which asks for fewer rights than Node.js does; the
// server learns who this is and cannot act as it. Waits up to five seconds where all instances are taken.
// Fails with kNoService where nobody listens.
Result<std::intptr_t> OpenPipe(const std::string& path);

}  // namespace pcsc_bridge
