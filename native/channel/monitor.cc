#include "channel/monitor.h"

#include <algorithm>
#include <utility>

#include "loop/worker.h"

namespace pcsc_bridge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{50};
constexpr milliseconds kLongestRetry{1000};
// Between repeated SCardCancel calls: one that comes just before the wait starts is lost.
constexpr milliseconds kFirstCancelAgain{10};
constexpr milliseconds kLongestCancelAgain{1000};
// Between looks for other readers where the library does not tell of them.
constexpr milliseconds kLookForReaders{1000};
// Some libraries return from SCardGetStatusChange without a change (Wine, redirected readers).
constexpr milliseconds kFirstIdlePause{5};
constexpr milliseconds kLongestIdlePause{200};
// So many times in a row can no reader go between being listed and being asked for.
constexpr int kStrangersToTell = 4;

bool SamePicture(const Monitor::Picture& a, const Monitor::Picture& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ReaderStatus& x, const ReaderStatus& y) {
    return x.reader == y.reader && x.state == y.state && x.event_count == y.event_count && x.atr == y.atr;
  });
}

bool IsOf(const Monitor::Picture& picture, const std::vector<std::string>& names) {
  return picture.size() == names.size() &&
         std::all_of(picture.begin(), picture.end(), [&](const ReaderStatus& r) {
           return std::find(names.begin(), names.end(), r.reader) != names.end();
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

bool Monitor::Pause(milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return !wake_.wait_for(lock, time, [&] { return stopped_.load(); });
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
  if (!stopped_) report_(std::move(picture));
}

void Monitor::Loop() {
  milliseconds retry = kFirstRetry;
  while (!stopped_) {
    Result<Context> context =
        daemon_tells_ ? Context::EstablishAtBest(library_) : Context::Establish(library_);
    if (context) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        context_.emplace(std::move(*context));
      }
      const bool had_failed = failure_reported_;
      Error reason = Follow();
      DropContext();
      if (stopped_) break;
      if (reason.code == status::kUnsupportedFeature && std::exchange(daemon_tells_, false)) continue;
      if (had_failed && !failure_reported_) retry = kFirstRetry;
      Tell(std::move(reason));
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

Result<Done> Monitor::Await(Picture& picture, bool wait) {
  if (!tells_of_readers_) {
    if (picture.empty()) return Error{status::kTimeout, "SCardGetStatusChange", "", ""};
    return context_->GetStatusChange(picture, wait ? kLookForReaders : milliseconds(0));
  }
  ReaderStatus& readers = picture.emplace_back();
  readers.reader = kPnpNotification;
  readers.event_count = static_cast<std::uint32_t>(picture.size() - 1);
  Result<Done> changed =
      context_->GetStatusChange(picture, wait ? std::nullopt : std::optional(milliseconds(0)));
  picture.pop_back();
  if (changed.code() == status::kInvalidParameter && !picture.empty()) {
    // pcsc-lite takes as many readers at once as it can have (16): with all of them there is no place for the
    // pseudo reader.
    changed = context_->GetStatusChange(picture, wait ? kLookForReaders : milliseconds(0));
  }
  return changed;
}

Error Monitor::Follow() {
  Picture picture;
  bool looked = false;
  milliseconds idle = kFirstIdlePause;
  for (int strangers = 0;;) {
    Result<std::vector<std::string>> names = context_->ListReaders();
    if (!names) return names.error();
    // Where readers came or went since the last report, what is there is asked without waiting.
    const bool complete = looked && IsOf(picture, *names);
    picture = Merge(*names, picture);
    const Picture before = picture;
    const Result<Done> changed = Await(picture, complete);
    if (stopped_) return Operation::CancelledError();
    const bool unknown_reader = changed.code() == status::kUnknownReader;
    if (!changed && !unknown_reader && changed.code() != status::kTimeout &&
        changed.code() != status::kCancelled) {
      return changed.error();
    }
    // One that is unknown went in between. One that stays unknown is the pseudo reader.
    strangers = unknown_reader ? strangers + 1 : 0;
    looked = looked || !unknown_reader;
    if (strangers == kStrangersToTell) tells_of_readers_ = false;
    if (!unknown_reader) Tell(picture);
    if ((complete || unknown_reader) && SamePicture(picture, before)) {
      if (!Pause(idle)) return Operation::CancelledError();
      idle = std::min(idle * 2, kLongestIdlePause);
    } else {
      idle = kFirstIdlePause;
    }
  }
}

void Monitor::Stop() {
  if (stopped_.exchange(true)) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    wake_.notify_all();
  }
  RunOnWorker([self = shared_from_this()] { self->KeepCancelling(); });
}

void Monitor::KeepCancelling() {
  milliseconds pause = kFirstCancelAgain;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ended_) {
    if (context_) context_->Cancel();
    wake_.wait_for(lock, pause, [&] { return ended_; });
    pause = std::min(pause * 2, kLongestCancelAgain);
  }
}

}  // namespace pcsc_bridge
