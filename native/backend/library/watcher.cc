// Watches all readers with SCardGetStatusChange, on its own context and thread.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/library/backend.h"
#include "backend/library/context.h"
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
// A reader that is unknown this many times in a row is the pseudo reader: a real reader is not removed that
// often between the list and the query.
constexpr int kUnknownInARow = 4;

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

// The state that a watcher and its two threads share: one thread watches the readers, the other ends its
// wait (SCardCancel) when the watcher stops. The second thread is started together with the first, because
// there may be no free thread later; without it every wait ends after a second.
class ReaderFollower : public std::enable_shared_from_this<ReaderFollower> {
 public:
  // `report` is called, and goes, on the loop's thread.
  ReaderFollower(const Library& library, const std::shared_ptr<Loop>& loop, Report report)
      : library_(library), loop_(loop), report_(std::make_shared<Report>(std::move(report))) {}

  // The loop's thread; never waits.
  void Start() {
    has_canceller_ = RunOnWorker([self = shared_from_this()] { self->CancelWhenStopped(); });
    if (!RunOnWorker([self = shared_from_this()] { self->Run(); })) End(NoThreadError());
  }

  // The loop's thread; never waits. No report comes afterwards.
  void Stop() {
    *report_ = nullptr;
    // No lock is taken that a cancel may hold: that one only starts from here on.
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    wake_.notify_all();
  }

 private:
  void CancelWhenStopped() {
    milliseconds pause = kFirstCancelAgain;
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&] { return stopped_ || ended_; });
    while (!ended_) {
      if (context_) context_->Cancel();
      wake_.wait_for(lock, pause, [&] { return ended_; });
      pause = std::min(pause * 2, kLongestCancelAgain);
    }
  }

  void Run() {
    if (stopped_) return End(CancelledError());
    Result<Context> context = Context::Establish(library_);
    if (!context) return End(context.error());
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      context_.emplace(std::move(*context));
    }
    End(Follow());
  }

  void End(Error error) {
    // If the service has stopped with the last reader, there are no readers.
    if (MeansNoReaders(library_, error.code)) error.code = status::kNoReadersAvailable;
    {
      std::optional<Context> dead;  // goes after the lock
      const std::lock_guard<std::mutex> lock(mutex_);
      dead.swap(context_);
      ended_ = true;
      wake_.notify_all();
    }
    if (!stopped_) Send(std::move(error));
  }

  void Send(Result<Picture> picture) {
    const std::shared_ptr<Loop> loop = loop_.lock();
    if (!loop) return;
    loop->Post([place = report_, picture = std::move(picture)] {
      // A copy: the watcher may be destroyed within the report.
      const Report report = picture ? *place : std::exchange(*place, nullptr);
      if (report) report(picture);
    });
  }

  // False if stopped.
  bool Pause(milliseconds time) {
    std::unique_lock<std::mutex> lock(mutex_);
    return !wake_.wait_for(lock, time, [&] { return stopped_.load(); });
  }

  // Follows the readers until that fails (the error) or Stop is called (CancelledError).
  Error Follow() {
    std::optional<Picture> reported;
    Picture picture;
    bool looked = false;
    bool looked_after_change = false;
    milliseconds idle = kFirstIdlePause;
    for (int unknown = 0;;) {
      const Result<std::vector<std::string>> names = context_->ListReaders();
      if (!names) return names.error();
      const Picture before = Merge(names.value(), picture);
      // If readers came or went since the last report, this only looks at what there is.
      const bool complete = looked && before.size() == picture.size() &&
                            std::is_permutation(before.begin(), before.end(), picture.begin());
      picture = before;
      std::optional<milliseconds> limit = complete ? kLookForReaders : milliseconds(0);
      // pcsc-lite does not compare a counter of 0: a reader that is added between the list and the wait is
      // then missed. So the first wait after a change is short.
      const bool reports_all = reports_readers_ && (counter_ != 0 || looked_after_change);
      if (complete && reports_all && has_canceller_) limit = std::nullopt;
      const Result<Done> changed = Await(picture, limit);
      if (stopped_) return CancelledError();
      const bool unknown_reader = changed.code() == status::kUnknownReader;
      const bool timed_out = changed.code() == status::kTimeout;
      if (!changed && !unknown_reader && !timed_out && changed.code() != status::kCancelled) {
        return changed.error();
      }
      // An unknown reader was removed in between. One that stays unknown is the pseudo reader.
      unknown = unknown_reader ? unknown + 1 : 0;
      if (unknown == kUnknownInARow) reports_readers_ = false;
      if (!unknown_reader) {
        looked = true;
        if (reported != picture) Send(picture);
        reported = picture;
      }
      looked_after_change = complete && timed_out;
      if ((complete || unknown_reader) && picture == before) {
        if (!Pause(idle)) return CancelledError();
        idle = std::min(idle * 2, kLongestIdlePause);
      } else {
        idle = kFirstIdlePause;
      }
    }
  }

  // Waits for a change from `picture`, and updates it. A wait without a `limit` is only for libraries that
  // report added readers, too.
  Result<Done> Await(Picture& picture, std::optional<milliseconds> limit) {
    if (reports_readers_) {
      const Result<Done> changed = context_->GetStatusChange(picture, limit, &counter_);
      if (changed.code() != status::kInvalidParameter || picture.empty()) return changed;
      // pcsc-lite accepts at most as many readers at once as it can have (16): with all of them there is no
      // place for the pseudo reader.
      limit = limit.value_or(kLookForReaders);
    } else if (picture.empty()) {
      (void)Pause(*limit);
      return Error{status::kTimeout, "SCardGetStatusChange", "", ""};
    }
    return context_->GetStatusChange(picture, limit);
  }

  const Library& library_;
  const std::weak_ptr<Loop> loop_;
  // The loop's thread; null once stopped or after an error.
  const std::shared_ptr<Report> report_;

  std::atomic<bool> stopped_{false};
  bool has_canceller_ = false;  // set before the readers are followed

  // The following thread's.
  std::uint32_t counter_ = 0;                        // see Context::GetStatusChange
  bool reports_readers_ = library_.reports_readers;  // the library, with that counter

  std::mutex mutex_;  // guards context_ against the cancelling, which may take long
  std::condition_variable wake_;
  bool ended_ = false;
  std::optional<Context> context_;
};

class LibraryWatcher final : public Watcher {
 public:
  explicit LibraryWatcher(std::shared_ptr<ReaderFollower> follower) : follower_(std::move(follower)) {
    follower_->Start();
  }
  ~LibraryWatcher() override { follower_->Stop(); }

 private:
  const std::shared_ptr<ReaderFollower> follower_;
};

}  // namespace

std::unique_ptr<Watcher> MakeLibraryWatcher(const Library& library, const std::shared_ptr<Loop>& loop,
                                            Report report) {
  return std::make_unique<LibraryWatcher>(std::make_shared<ReaderFollower>(library, loop, std::move(report)));
}

}  // namespace pcsc_bridge::backend
