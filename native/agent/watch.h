// A watch on readers and cards: the process's monitor, as events.
#pragma once

#include <functional>
#include <memory>

#include "agent/events.h"
#include "loop/cancellable.h"
#include "loop/loop.h"
#include "readers/monitor.h"

namespace pcsc_bridge::agent {

// On a loop. Ends when it is cancelled or destroyed: no event comes after that.
class Watch final : public Cancellable {
 public:
  // Receives the events in order, on the loop. It must not end the watch.
  using Report = std::function<void(const Event&)>;

  // The first events report the present readers and cards, and come after this call has returned.
  static std::unique_ptr<Watch> Start(const std::shared_ptr<Monitor>& monitor,
                                      const std::shared_ptr<Loop>& loop, Report report);

  void Cancel() override { subscription_ = nullptr; }

 private:
  explicit Watch(Report report) : report_(std::move(report)) {}
  void OnPicture(const Result<Monitor::Picture>& picture);

  const Report report_;
  Monitor::Picture known_;
  bool service_lost_ = false;
  std::shared_ptr<Monitor::Subscription> subscription_;
};

}  // namespace pcsc_bridge::agent
