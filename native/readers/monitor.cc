#include "readers/monitor.h"

#include <algorithm>
#include <utility>

#include "backend/choice.h"
#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{50};
constexpr milliseconds kLongestRetry{1000};

}  // namespace

struct Monitor::Subscriber {
  std::shared_ptr<Loop> loop;
  Report report;  // on `loop`; null once the subscription has ended

  static void Tell(const std::shared_ptr<Subscriber>& self,
                   const std::shared_ptr<const Result<Picture>>& known) {
    self->loop->Post([self, known] {
      // A copy: the report may end the subscription.
      const Report tell = self->report;
      if (tell) tell(*known);
    });
  }
};

class Monitor::Subscription {
 public:
  Subscription(std::shared_ptr<Monitor> monitor, std::shared_ptr<Subscriber> subscriber)
      : monitor_(std::move(monitor)), subscriber_(std::move(subscriber)) {}
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription() {
    subscriber_->report = nullptr;
    monitor_->loop_->Post([monitor = monitor_, subscriber = subscriber_] { monitor->Remove(subscriber); });
  }

 private:
  const std::shared_ptr<Monitor> monitor_;
  const std::shared_ptr<Subscriber> subscriber_;
};

std::shared_ptr<Monitor> Monitor::Create(std::shared_ptr<Loop> loop, backend::Source source) {
  return std::shared_ptr<Monitor>(new Monitor(std::move(loop), std::move(source)));
}

std::shared_ptr<Monitor> Monitor::OfProcess() {
  const std::shared_ptr<Loop> loop = Loop::OfProcess();
  if (!loop) return nullptr;
  static Immortal<std::shared_ptr<Monitor>> monitor(Create(loop, backend::OfProcess()));
  return *monitor;
}

std::shared_ptr<Monitor::Subscription> Monitor::Subscribe(std::shared_ptr<Loop> loop, Report report) {
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->loop = std::move(loop);
  subscriber->report = std::move(report);
  loop_->Execute([self = shared_from_this(), subscriber] { self->Add(subscriber); });
  return std::make_shared<Subscription>(shared_from_this(), std::move(subscriber));
}

void Monitor::Add(std::shared_ptr<Subscriber> subscriber) {
  if (known_) Subscriber::Tell(subscriber, known_);
  subscribers_.push_back(std::move(subscriber));
  if (subscribers_.size() > 1) return;
  pause_ = milliseconds(0);
  Start();
}

void Monitor::Remove(const std::shared_ptr<Subscriber>& subscriber) {
  const auto found = std::find(subscribers_.begin(), subscribers_.end(), subscriber);
  if (found == subscribers_.end()) return;
  subscribers_.erase(found);
  if (!subscribers_.empty()) return;
  ++attempt_;
  watcher_ = nullptr;
  retry_ = {};
  known_ = nullptr;
}

void Monitor::Start() {
  source_(loop_, [this, self = shared_from_this(),
                  attempt = ++attempt_](const Result<const backend::Backend*>& found) {
    if (attempt != attempt_) return;
    if (!found) return Fail(found.error());
    watcher_ = found.value()->Watch(loop_, [this, attempt](Result<Picture> picture) {
      if (attempt != attempt_) return;
      if (!picture) return Fail(picture.error());
      pause_ = milliseconds(0);
      Learn(std::move(picture));
    });
  });
}

void Monitor::Fail(const Error& error) {
  ++attempt_;
  // This may be one of its reports.
  loop_->Post([dead = std::shared_ptr<backend::Watcher>(std::move(watcher_))] {});
  pause_ = std::clamp(pause_ * 2, kFirstRetry, kLongestRetry);
  retry_ = loop_->After(pause_, [this] { Start(); });
  if (error.code == status::kNoReadersAvailable) {
    Learn(Picture{});
  } else if (!known_ || *known_) {
    Learn(error);
  }
}

void Monitor::Learn(Result<Picture> picture) {
  if (picture && known_ && *known_ && known_->value() == *picture) return;
  known_ = std::make_shared<const Result<Picture>>(std::move(picture));
  for (const std::shared_ptr<Subscriber>& subscriber : subscribers_) Subscriber::Tell(subscriber, known_);
}

}  // namespace pcsc_bridge
