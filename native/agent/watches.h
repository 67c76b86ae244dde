// Those who watch readers and cards, over one monitor.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "agent/events.h"
#include "channel/monitor.h"

namespace pcsc_bridge::agent {

// Thread safe.
class Watches : public std::enable_shared_from_this<Watches> {
 public:
  // Gets the events in order, one at a time, from any thread; it must not wait or call back.
  using Tell = std::function<void(const Event&)>;

  // `started` is called before the first event, with what ends the watch: once that has returned no event
  // comes. The first events tell what is there already. An error where there is no library or no thread.
  Result<Done> Start(Tell tell, const std::function<void(std::shared_ptr<Cancellable>)>& started);
  void Close();

 private:
  class Watch;
  struct Watcher {
    Tell tell;
    Monitor::Picture known;
    bool service_lost = false;
  };
  using Place = std::list<Watcher>::iterator;

  // Under the lock.
  Result<Done> EnsureMonitor();
  void CatchUp(Watcher& watcher) const;
  void OnReport(Result<Monitor::Picture> report);

  std::mutex mutex_;
  std::shared_ptr<Monitor> monitor_;
  std::optional<Result<Monitor::Picture>> seen_;
  std::list<Watcher> watchers_;
};

}  // namespace pcsc_bridge::agent
