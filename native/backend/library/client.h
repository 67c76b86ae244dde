// A client that makes a library's blocking calls on a worker thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "backend/backend.h"
#include "backend/library/client_calls.h"
#include "backend/library/pending_call.h"

namespace pcsc_bridge::backend {

// What a client and its worker share. At most one worker at a time is in it: started for a call, and given
// back to the pool shortly after the last one. Only the worker touches the context and the card. Lives until
// both the client and the worker are done, however long a call is stuck.
class ClientWork : public std::enable_shared_from_this<ClientWork> {
 public:
  ClientWork(const Library& library, const std::shared_ptr<Loop>& loop) : loop_(loop), calls_(library) {}

  // The loop's thread; never waits.
  void Start(std::shared_ptr<PendingCall> call);
  void Retire(Disposition disposition, std::function<void()> released);

 private:
  struct Retirement {
    Disposition disposition = Disposition::kLeave;
    std::function<void()> released;
  };

  void Run();
  void Release(Retirement retirement);

  const std::weak_ptr<Loop> loop_;
  ClientCalls calls_;  // the worker's

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<PendingCall> next_;
  std::optional<Retirement> retirement_;
  bool running_ = false;  // there is a worker
};

class LibraryClient final : public Client {
 public:
  LibraryClient(const Library& library, const std::shared_ptr<Loop>& loop)
      : loop_(loop), work_(std::make_shared<ClientWork>(library, loop)) {}
  ~LibraryClient() override { Retire(Disposition::kLeave, nullptr); }

  void Start(Call call, Answer done) override;
  After GiveUp() override;
  void Retire(Disposition disposition, std::function<void()> released) override;

 private:
  const std::shared_ptr<Loop> loop_;
  std::shared_ptr<ClientWork> work_;      // null once retired
  std::shared_ptr<PendingCall> current_;  // the last one; perhaps answered
};

}  // namespace pcsc_bridge::backend
