// Follows all readers with SCardGetStatusChange, on a context and a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/library/context.h"

namespace pcsc_bridge::backend {

// What a watcher and its two threads share: one that follows the readers, and one that ends its wait
// (SCardCancel) when the watcher stops. The second is started together with the first, because there may be
// none to have when it is needed; without it every wait ends after a second.
class ReaderFollower : public std::enable_shared_from_this<ReaderFollower> {
 public:
  // `report` is called, and goes, on the loop's thread.
  ReaderFollower(const Library& library, const std::shared_ptr<Loop>& loop, Report report)
      : library_(library), loop_(loop), report_(std::make_shared<Report>(std::move(report))) {}

  // The loop's thread; never wait.
  void Start();
  void Stop();  // no report comes afterwards

 private:
  using Readers = Result<std::vector<std::string>>;

  void Run();
  // Follows the readers on one context, until it fails (the error) or Stop is called (CancelledError).
  Error Follow();
  // Waits for a change from `picture`, which is then what there is. Without `wait` only looks.
  Result<Done> Await(Picture& picture, bool wait);
  // How long a wait may last; nothing for no limit.
  std::optional<std::chrono::milliseconds> WaitLimit() const;
  bool Pause(std::chrono::milliseconds time);  // false if stopped
  void CancelWhenStopped();
  void DropContext();
  void Send(Result<Picture> picture);
  void SendIfNew(const Picture& picture);

  const Library& library_;
  const std::weak_ptr<Loop> loop_;
  // The loop's thread; null once stopped or after an error.
  const std::shared_ptr<Report> report_;

  std::atomic<bool> stopped_{false};
  bool has_canceller_ = false;  // set before the threads start to follow

  // The following thread's.
  std::optional<Picture> reported_;
  std::uint32_t counter_ = 0;    // see Context::GetStatusChange
  bool reports_readers_ = true;  // the library, with that counter
  bool looked_after_change_ = false;

  std::mutex mutex_;  // guards context_ against the cancelling, which may take long
  std::condition_variable wake_;
  bool ended_ = false;
  std::optional<Context> context_;
};

class LibraryWatcher final : public Watcher {
 public:
  LibraryWatcher(const Library& library, const std::shared_ptr<Loop>& loop, Report report)
      : follower_(std::make_shared<ReaderFollower>(library, loop, std::move(report))) {
    follower_->Start();
  }
  ~LibraryWatcher() override { follower_->Stop(); }

 private:
  const std::shared_ptr<ReaderFollower> follower_;
};

}  // namespace pcsc_bridge::backend
