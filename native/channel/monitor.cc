#include "channel/monitor.h"

#include <algorithm>
#include <utility>

#include "channel/worker.h"

namespace pcsc_bridge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{50};
constexpr milliseconds kLongestRetry{1000};
// Between repeated SCardCancel calls: one that comes just before the wait starts is lost.
constexpr milliseconds kCancelAgain{10};
// Some libraries return from SCardGetStatusChange without a change (Wine, redirected readers).
constexpr milliseconds kFirstIdlePause{5};
constexpr milliseconds kLongestIdlePause{200};

bool SamePicture(const Monitor::Picture& a, const Monitor::Picture& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ReaderStatus& x, const ReaderStatus& y) {
    return x.reader == y.reader && x.state == y.state && x.event_count == y.event_count && x.atr == y.atr;
  });
}

// The picture to wait on: the readers there are now, with what was known of each.
Monitor::Picture Merge(const std::vector<std::string>& names, const Monitor::Picture& known) {
  Monitor::Picture picture;
  for (const std::string& name : names) {
    const auto old =
        std::find_if(known.begin(), known.end(), [&](const ReaderStatus& r) { return r.reader == name; });
    if (old != known.end()) {
      picture.push_back(*old);
    } else {
      picture.emplace_back().reader = name;
    }
  }
  return picture;
}

}  // namespace

std::shared_ptr<Monitor> Monitor::Start(const Library& library, Report report) {
  struct Shared : Monitor {
    Shared(const Library& l, Report r) : Monitor(l, std::move(r)) {}
  };
  auto monitor = std::make_shared<Shared>(library, std::move(report));
  if (!RunOnWorker([monitor] { monitor->Loop(); })) return nullptr;
  return monitor;
}

bool Monitor::stopped() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopped_;
}

bool Monitor::Pause(milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return !wake_.wait_for(lock, time, [&] { return stopped_; });
}

void Monitor::DropContext() {
  std::optional<Context> dead;
  const std::lock_guard<std::mutex> lock(mutex_);
  dead.swap(context_);
}

void Monitor::Tell(Result<Picture> picture) {
  if (picture) {
    failure_reported_ = false;
    if (reported_ && SamePicture(*reported_, *picture)) return;
    reported_ = *picture;
  } else {
    reported_.reset();
    if (std::exchange(failure_reported_, true)) return;
  }
  if (!stopped()) report_(std::move(picture));
}

void Monitor::Loop() {
  milliseconds retry = kFirstRetry;
  while (!stopped()) {
    Result<Context> context = Context::Establish(library_);
    if (context) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        context_.emplace(std::move(*context));
      }
      const bool had_failed = failure_reported_;
      const Status reason = Follow();
      DropContext();
      if (stopped()) break;
      if (had_failed && !failure_reported_) retry = kFirstRetry;
      Tell(Error{reason, "SCardGetStatusChange", "", ""});
    } else {
      Tell(context.error());
    }
    if (!Pause(retry)) break;
    retry = std::min(retry * 2, kLongestRetry);
  }
  report_ = nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  wake_.notify_all();
}

Status Monitor::Follow() {
  Picture picture;
  milliseconds idle = kFirstIdlePause;
  for (;;) {
    Result<std::vector<std::string>> names = context_->ListReaders();
    if (!names) return names.code();
    picture = Merge(*names, picture);
    // What is there is asked first, without waiting, so that the first report is complete.
    picture.emplace_back().reader = kPnpNotification;
    picture.back().event_count = static_cast<std::uint32_t>(picture.size() - 1);
    const bool fresh = std::any_of(picture.begin(), picture.end() - 1,
                                   [](const ReaderStatus& r) { return r.state == reader_state::kUnaware; });
    const Picture before = picture;
    const Result<Done> changed = context_->GetStatusChange(
        picture, fresh ? std::optional<milliseconds>(milliseconds(0)) : std::nullopt);
    picture.pop_back();
    if (stopped()) return status::kCancelled;
    if (!changed && changed.code() != status::kTimeout && changed.code() != status::kCancelled &&
        changed.code() != status::kUnknownReader) {
      return changed.code();
    }
    if (changed.code() == status::kUnknownReader) continue;  // it went in between: list anew
    Tell(picture);
    if (SamePicture(picture, Picture(before.begin(), before.end() - 1)) && !fresh) {
      if (!Pause(idle)) return status::kCancelled;
      idle = std::min(idle * 2, kLongestIdlePause);
    } else {
      idle = kFirstIdlePause;
    }
  }
}

void Monitor::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    wake_.notify_all();
  }
  RunOnWorker([self = shared_from_this()] {
    std::unique_lock<std::mutex> lock(self->mutex_);
    while (!self->ended_) {
      if (self->context_) self->context_->Cancel();
      self->wake_.wait_for(lock, kCancelAgain, [&] { return self->ended_; });
    }
  });
}

}  // namespace pcsc_bridge
