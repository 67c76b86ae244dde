#include "backend/library/watcher.h"

#include <algorithm>
#include <utility>

#include "loop/worker.h"

namespace pcsc_bridge::backend {
namespace {

using std::chrono::milliseconds;

// Between repeated SCardCancel calls: one that comes just before the wait starts is lost.
constexpr milliseconds kFirstCancelAgain{10};
constexpr milliseconds kLongestCancelAgain{1000};
// Between looks for other readers if the library does not report them.
constexpr milliseconds kLookForReaders{1000};
// Some libraries return from SCardGetStatusChange without a change (Wine, redirected readers).
constexpr milliseconds kFirstIdlePause{5};
constexpr milliseconds kLongestIdlePause{200};
// Between looks whether a service that has stopped with the last reader has started again.
constexpr milliseconds kFirstServiceLook{50};
constexpr milliseconds kLongestServiceLook{1000};
// So many times in a row no reader goes between being listed and being asked for: what is unknown is the
// pseudo reader.
constexpr int kUnknownInARow = 4;

bool SamePicture(const Picture& a, const Picture& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ReaderStatus& x, const ReaderStatus& y) {
    return x.reader == y.reader && x.state == y.state && x.event_count == y.event_count && x.atr == y.atr;
  });
}

bool HasReaders(const Picture& picture, const std::vector<std::string>& names) {
  return picture.size() == names.size() &&
         std::all_of(picture.begin(), picture.end(), [&](const ReaderStatus& r) {
           return std::find(names.begin(), names.end(), r.reader) != names.end();
         });
}

// The picture to wait on: the readers there are now, with what was known of each.
Picture Merge(const std::vector<std::string>& names, const Picture& known) {
  Picture picture;
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

void ReaderFollower::Start() {
  reports_readers_ = library_.reports_readers;
  has_canceller_ = RunOnWorker([self = shared_from_this()] { self->CancelWhenStopped(); });
  if (RunOnWorker([self = shared_from_this()] { self->Run(); })) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }
  Send(NoThreadError());
}

void ReaderFollower::Stop() {
  *report_ = nullptr;
  // No lock is taken that a cancel may hold: that one only starts from here on.
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  wake_.notify_all();
}

bool ReaderFollower::Pause(milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return !wake_.wait_for(lock, time, [&] { return stopped_.load(); });
}

void ReaderFollower::CancelWhenStopped() {
  milliseconds pause = kFirstCancelAgain;
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [&] { return stopped_ || ended_; });
  while (!ended_) {
    if (context_) context_->Cancel();
    wake_.wait_for(lock, pause, [&] { return ended_; });
    pause = std::min(pause * 2, kLongestCancelAgain);
  }
}

void ReaderFollower::DropContext() {
  std::optional<Context> dead;  // goes after the lock
  const std::lock_guard<std::mutex> lock(mutex_);
  dead.swap(context_);
}

void ReaderFollower::Send(Result<Picture> picture) {
  const std::shared_ptr<Loop> loop = loop_.lock();
  if (!loop) return;
  loop->Post([place = report_, picture = std::move(picture)] {
    // A copy: the watcher may be destroyed within the report.
    const Report report = picture ? *place : std::exchange(*place, nullptr);
    if (report) report(picture);
  });
}

void ReaderFollower::SendIfNew(const Picture& picture) {
  if (reported_ && SamePicture(*reported_, picture)) return;
  reported_ = picture;
  Send(picture);
}

void ReaderFollower::Run() {
  Error error = CancelledError();
  milliseconds pause = kFirstServiceLook;
  while (!stopped_) {
    Result<Context> context = Context::Establish(library_);
    const bool established = context.ok();
    if (established) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        context_.emplace(std::move(*context));
      }
      error = Follow();
      DropContext();
    } else {
      error = context.error();
    }
    if (stopped_ || !MeansNoReaders(library_, error.code)) break;
    // The service has stopped with the last reader, and comes back with the next.
    SendIfNew({});
    if (established) pause = kFirstServiceLook;
    if (!Pause(pause)) break;
    pause = std::min(pause * 2, kLongestServiceLook);
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    wake_.notify_all();
  }
  if (!stopped_) Send(std::move(error));
}

std::optional<milliseconds> ReaderFollower::WaitLimit() const {
  // pcsc-lite does not compare a counter of 0: a reader that comes between the list and the wait is then
  // missed. So the first wait after a change is short.
  const bool reports_all = reports_readers_ && (counter_ != 0 || looked_after_change_);
  if (reports_all && has_canceller_) return std::nullopt;
  return kLookForReaders;
}

Result<Done> ReaderFollower::Await(Picture& picture, bool wait) {
  const std::optional<milliseconds> limit = wait ? WaitLimit() : milliseconds(0);
  if (reports_readers_) {
    const Result<Done> changed = context_->GetStatusChange(picture, limit, &counter_);
    if (changed.code() != status::kInvalidParameter || picture.empty()) return changed;
    // pcsc-lite takes as many readers at once as it can have (16): with all of them there is no place for the
    // pseudo reader.
  } else if (picture.empty()) {
    if (wait) (void)Pause(kLookForReaders);
    return Error{status::kTimeout, "SCardGetStatusChange", "", ""};
  }
  return context_->GetStatusChange(picture, wait ? kLookForReaders : milliseconds(0));
}

Error ReaderFollower::Follow() {
  Picture picture;
  counter_ = 0;
  bool looked = false;
  milliseconds idle = kFirstIdlePause;
  for (int unknown = 0;;) {
    const Readers names = context_->ListReaders();
    if (!names) return names.error();
    // If readers came or went since the last report, this only looks at what there is.
    const bool complete = looked && HasReaders(picture, names.value());
    if (!complete) looked_after_change_ = false;
    picture = Merge(names.value(), picture);
    const Picture before = picture;
    const Result<Done> changed = Await(picture, complete);
    if (stopped_) return CancelledError();
    const bool unknown_reader = changed.code() == status::kUnknownReader;
    const bool timed_out = changed.code() == status::kTimeout;
    if (!changed && !unknown_reader && !timed_out && changed.code() != status::kCancelled) {
      return changed.error();
    }
    // One that is unknown went in between. One that stays unknown is the pseudo reader.
    unknown = unknown_reader ? unknown + 1 : 0;
    looked = looked || !unknown_reader;
    if (unknown == kUnknownInARow) reports_readers_ = false;
    if (!unknown_reader) SendIfNew(picture);
    looked_after_change_ = complete && timed_out;
    if ((complete || unknown_reader) && SamePicture(picture, before)) {
      if (!Pause(idle)) return CancelledError();
      idle = std::min(idle * 2, kLongestIdlePause);
    } else {
      idle = kFirstIdlePause;
    }
  }
}

}  // namespace pcsc_bridge::backend
