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

  // The monitor of the process. Null if the system has no free thread for its loop.
  static std::shared_ptr<Monitor> OfProcess();
  static std::shared_ptr<Monitor> Create(std::shared_ptr<Loop> loop, backend::Provider provider);

  // Made by Subscribe. After it is destroyed, on its loop, no report comes.
  struct Subscription;

  // Any thread. `report` is called on `loop` with the whole picture as soon as it is known, and again at
  // each change. It is called with an error, once, if the service cannot be reached, and with the picture
  // again when it can.
  std::shared_ptr<Subscription> Subscribe(std::shared_ptr<Loop> loop, Report report);

  // The last picture; null before the first report. The monitor's loop only.
  const std::shared_ptr<const Result<Picture>>& known() const { return known_; }
  const std::shared_ptr<Loop>& loop() const { return loop_; }

 private:
  Monitor(std::shared_ptr<Loop> loop, backend::Provider provider)
      : loop_(std::move(loop)), provider_(std::move(provider)) {}
  void Add(std::shared_ptr<Subscription> subscription);
  void Remove(const std::shared_ptr<Subscription>& subscription);
  void Start();
  void Fail(const Error& error);
  void Learn(Result<Picture> picture);

  const std::shared_ptr<Loop> loop_;
  const backend::Provider provider_;
  std::vector<std::shared_ptr<Subscription>> subscriptions_;
  std::shared_ptr<const Result<Picture>> known_;
  std::unique_ptr<backend::Watcher> watcher_;
  std::uint64_t attempt_ = 0;  // tells a late choice of a backend, or report, from this attempt's
  Loop::Timer retry_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace pcsc_bridge
