#include "agent/watch.h"

#include <utility>

namespace pcsc_bridge::agent {

std::unique_ptr<Watch> Watch::Start(const std::shared_ptr<Monitor>& monitor,
                                    const std::shared_ptr<Loop>& loop, Report report) {
  std::unique_ptr<Watch> watch(new Watch(std::move(report)));
  // No report comes once the subscription has been destroyed, and so none without the watch.
  watch->subscription_ = monitor->Subscribe(
      loop, [raw = watch.get()](const Result<Monitor::Picture>& picture) { raw->OnPicture(picture); });
  return watch;
}

void Watch::OnPicture(const Result<Monitor::Picture>& picture) {
  if (!picture) {
    if (!std::exchange(service_lost_, true)) report_(Event{"service-stopped", "", {}});
    return;
  }
  if (std::exchange(service_lost_, false)) report_(Event{"service-started", "", {}});
  for (const Event& event : EventsBetween(known_, picture.value())) report_(event);
  known_ = picture.value();
}

}  // namespace pcsc_bridge::agent
