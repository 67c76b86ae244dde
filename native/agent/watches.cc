#include "agent/watches.h"

#include <utility>

#include "backend/library/library.h"

namespace pcsc_bridge::agent {

class Watches::Watch final : public Cancellable {
 public:
  Watch(std::shared_ptr<Watches> watches, Place place) : watches_(std::move(watches)), place_(place) {}

  void Cancel() override {
    const std::lock_guard<std::mutex> lock(watches_->mutex_);
    if (!std::exchange(over_, true)) watches_->watchers_.erase(place_);
  }

 private:
  const std::shared_ptr<Watches> watches_;
  const Place place_;
  bool over_ = false;
};

Result<Done> Watches::Start(Tell tell, const std::function<void(std::shared_ptr<Cancellable>)>& started) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Result<Done> ready = EnsureMonitor();
  if (!ready) return ready;
  const Place place = watchers_.insert(watchers_.end(), Watcher{std::move(tell), {}, false});
  started(std::make_shared<Watch>(shared_from_this(), place));
  CatchUp(*place);
  return Done{};
}

Result<Done> Watches::EnsureMonitor() {
  if (monitor_) return Done{};
  const Result<const Library*> library = Library::Load();
  if (!library) return library.error();
  monitor_ = Monitor::Start(*library.value(), [weak = weak_from_this()](Result<Monitor::Picture> report) {
    if (const std::shared_ptr<Watches> self = weak.lock()) self->OnReport(std::move(report));
  });
  if (!monitor_) return Error{status::kNoMemory, "thread", "", "the system has no thread to give"};
  return Done{};
}

void Watches::OnReport(Result<Monitor::Picture> report) {
  const std::lock_guard<std::mutex> lock(mutex_);
  seen_.emplace(std::move(report));
  for (Watcher& watcher : watchers_) CatchUp(watcher);
}

void Watches::CatchUp(Watcher& watcher) const {
  if (!seen_) return;
  if (!*seen_) {
    if (!std::exchange(watcher.service_lost, true)) watcher.tell(Event{"service-stopped", "", {}});
    return;
  }
  if (std::exchange(watcher.service_lost, false)) watcher.tell(Event{"service-started", "", {}});
  const Monitor::Picture& picture = seen_->value();
  for (const Event& event : EventsBetween(watcher.known, picture)) watcher.tell(event);
  watcher.known = picture;
}

void Watches::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (monitor_) monitor_->Stop();
}

}  // namespace pcsc_bridge::agent
