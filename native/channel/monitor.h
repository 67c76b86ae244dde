// Watches readers and cards (SCardGetStatusChange), on a context and a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "channel/operation.h"
#include "backend/library/context.h"

namespace pcsc_bridge {

// Reports the whole picture, first at the start and then whenever it differs from the last one reported; an
// error when the service cannot be reached, once, after which it keeps trying and reports the picture when
// the service is back. Reports come one at a time, on the monitor's thread.
class Monitor : public std::enable_shared_from_this<Monitor> {
 public:
  using Picture = std::vector<ReaderStatus>;
  using Report = std::function<void(Result<Picture>)>;

  // Null when the system has no thread to give.
  static std::shared_ptr<Monitor> Start(const Library& library, Report report);

  // Any thread, never waits. A report under way may still come; none starts afterwards.
  void Stop();

 private:
  Monitor(const Library& library, Report report) : library_(library), report_(std::move(report)) {}

  void Loop();
  // Follows the readers on one context until the service fails, which it returns, or Stop is called.
  Error Follow();
  // Waits for a change from `picture`, which is then what is. Without `wait` only looks.
  Result<Done> Await(Picture& picture, bool wait);
  bool Pause(std::chrono::milliseconds time);  // false when stopped
  void KeepCancelling();
  void Tell(Result<Picture> picture);
  void DropContext();

  const Library& library_;
  Report report_;
  std::mutex mutex_;  // guards context_ against Stop's cancelling, which may take long
  std::condition_variable wake_;
  std::atomic<bool> stopped_{false};
  bool ended_ = false;
  std::optional<Context> context_;
  std::optional<Picture> reported_;
  bool failure_reported_ = false;
  bool daemon_tells_ = true;      // of changes, without its library
  bool tells_of_readers_ = true;  // the library knows the pseudo reader kPnpNotification (macOS does not)
};

}  // namespace pcsc_bridge
