// The readers of this host and their cards, watched once per process and reported to every subscriber.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "loop/loop.h"

namespace pcsc_bridge {

// Lives on one loop, the process's. Watches while there are subscribers.
class Monitor : public std::enable_shared_from_this<Monitor> {
 public:
  using Picture = backend::Picture;
  using Report = std::function<void(const Result<Picture>&)>;

  // The process's own. Null where the system has no thread to give for its loop.
  static std::shared_ptr<Monitor> OfProcess();
  static std::shared_ptr<Monitor> Create(std::shared_ptr<Loop> loop, backend::Source source);

  // Made by Subscribe. No report comes once it has been destroyed, on its loop.
  struct Subscription;

  // Any thread. `report` comes on `loop`: the whole picture as soon as it is known, and again whenever it has
  // changed; an error when the service cannot be reached, once, and the picture again when it can.
  std::shared_ptr<Subscription> Subscribe(std::shared_ptr<Loop> loop, Report report);

  // What is known just now; null before the first report. The monitor's loop only.
  const std::shared_ptr<const Result<Picture>>& known() const { return known_; }
  const std::shared_ptr<Loop>& loop() const { return loop_; }

 private:
  Monitor(std::shared_ptr<Loop> loop, backend::Source source)
      : loop_(std::move(loop)), source_(std::move(source)) {}
  void Add(std::shared_ptr<Subscription> subscription);
  void Remove(const std::shared_ptr<Subscription>& subscription);
  void Start();
  void Fail(const Error& error);
  void Learn(Result<Picture> picture);

  const std::shared_ptr<Loop> loop_;
  const backend::Source source_;
  std::vector<std::shared_ptr<Subscription>> subscriptions_;
  std::shared_ptr<const Result<Picture>> known_;
  std::unique_ptr<backend::Watcher> watcher_;
  std::uint64_t attempt_ = 0;  // tells a late choice of a backend, or report, from this attempt's
  Loop::Timer retry_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace pcsc_bridge
