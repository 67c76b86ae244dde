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

struct Monitor::Subscription {
  std::shared_ptr<Loop> loop;
  Report report;  // on `loop`; null once the subscriber has let go

  static void Tell(const std::shared_ptr<Subscription>& self,
                   const std::shared_ptr<const Result<Picture>>& known) {
    self->loop->Post([self, known] {
      // A copy: the report may end the subscription.
      const Report tell = self->report;
      if (tell) tell(*known);
    });
  }
};

std::shared_ptr<Monitor> Monitor::Create(std::shared_ptr<Loop> loop, backend::Provider provider) {
  return std::shared_ptr<Monitor>(new Monitor(std::move(loop), std::move(provider)));
}

std::shared_ptr<Monitor> Monitor::OfProcess() {
  const std::shared_ptr<Loop> loop = Loop::OfProcess();
  if (!loop) return nullptr;
  static Immortal<std::shared_ptr<Monitor>> monitor(Create(loop, backend::OfProcess()));
  return *monitor;
}

std::shared_ptr<Monitor::Subscription> Monitor::Subscribe(std::shared_ptr<Loop> loop, Report report) {
  const auto kept = std::make_shared<Subscription>(Subscription{std::move(loop), std::move(report)});
  loop_->Execute([self = shared_from_this(), kept] { self->Add(kept); });
  // Reports that are under way keep the subscription; the subscriber's pointer ends it.
  return std::shared_ptr<Subscription>(kept.get(), [self = shared_from_this(), kept](Subscription*) {
    kept->report = nullptr;
    self->loop_->Post([self, kept] { self->Remove(kept); });
  });
}

void Monitor::Add(std::shared_ptr<Subscription> subscription) {
  if (known_) Subscription::Tell(subscription, known_);
  subscriptions_.push_back(std::move(subscription));
  if (subscriptions_.size() > 1) return;
  pause_ = milliseconds(0);
  Start();
}

void Monitor::Remove(const std::shared_ptr<Subscription>& subscription) {
  const auto found = std::find(subscriptions_.begin(), subscriptions_.end(), subscription);
  if (found == subscriptions_.end()) return;
  subscriptions_.erase(found);
  if (!subscriptions_.empty()) return;
  ++attempt_;
  watcher_ = nullptr;
  retry_ = {};
  known_ = nullptr;
}

void Monitor::Start() {
  provider_(loop_, [this, self = shared_from_this(),
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
  // If the service has stopped with the last reader, it starts again with the next one.
  if (error.code == status::kNoReadersAvailable) {
    Learn(Picture{});
  } else if (!known_ || *known_) {
    Learn(error);
  }
}

void Monitor::Learn(Result<Picture> picture) {
  if (picture && known_ && *known_ && known_->value() == *picture) return;
  known_ = std::make_shared<const Result<Picture>>(std::move(picture));
  for (const std::shared_ptr<Subscription>& subscription : subscriptions_)
    Subscription::Tell(subscription, known_);
}

}  // namespace pcsc_bridge
