#include "backend/library/backend.h"

#include <cassert>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "backend/library/client_calls.h"
#include "backend/library/pending_call.h"
#include "loop/worker.h"

namespace pcsc_bridge::backend {
namespace {

// The next call often follows right after an answer. The worker stays for this long, because returning it
// and taking it again might need a second thread.
constexpr std::chrono::milliseconds kStay{2};

// What a client and its worker share. At most one worker at a time is in it: started for a call, and given
// back to the pool shortly after the last one. Only the worker touches the context and the card. Lives until
// both the client and the worker are done, however long a call is stuck.
class ClientWork : public std::enable_shared_from_this<ClientWork> {
 public:
  ClientWork(const Library& library, const std::shared_ptr<Loop>& loop) : loop_(loop), calls_(library) {}

  // The loop's thread; never waits.
  void Start(std::shared_ptr<PendingCall> call) {
    if (!HandOver([&] { next_ = call; })) return;
    if (RunOnWorker([self = shared_from_this()] { self->Run(); })) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      next_ = nullptr;
      running_ = false;
    }
    call->Refuse(NoThreadError());
  }

  // The loop's thread; never waits.
  void Retire(Disposition disposition, std::function<void()> released) {
    if (!HandOver([&] { retirement_.emplace(Retirement{disposition, std::move(released)}); })) return;
    // Without a context there is nothing to release, and so no reason to wait.
    if (!calls_.has_context()) return Run();
    RunOnWorkerWhenPossible([self = shared_from_this()] { self->Run(); });
  }

 private:
  struct Retirement {
    Disposition disposition = Disposition::kLeave;
    std::function<void()> released;
  };

  // Passes a call to the worker. True if there is no worker, and the caller must start one.
  template <class Place>
  bool HandOver(Place place) {
    const std::lock_guard<std::mutex> lock(mutex_);
    place();
    changed_.notify_one();
    return !std::exchange(running_, true);
  }

  void Run() {
    for (;;) {
      std::shared_ptr<PendingCall> call;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, kStay, [this] { return next_ != nullptr || retirement_; });
        call = std::move(next_);
        if (call == nullptr && !retirement_) {
          running_ = false;
          return;
        }
      }
      if (call == nullptr) return Release();
      std::optional<Call> taken = call->Take();
      if (!taken) continue;
      Outcome outcome = calls_.Make(*taken, *call);
      taken.reset();  // wipes what it carried before the loop learns of the end
      call->Finish(std::move(outcome));
    }
  }

  // Nothing else is left to do after it: the retirement is the worker's.
  void Release() {
    calls_.Finish(retirement_->disposition);
    const std::shared_ptr<Loop> loop = loop_.lock();
    if (loop && retirement_->released) loop->Post(std::move(retirement_->released));
  }

  const std::weak_ptr<Loop> loop_;
  ClientCalls calls_;  // the worker's

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<PendingCall> next_;
  std::optional<Retirement> retirement_;
  bool running_ = false;  // there is a worker
};

// A client that makes its calls on a worker thread.
class LibraryClient final : public Client {
 public:
  LibraryClient(const Library& library, const std::shared_ptr<Loop>& loop)
      : loop_(loop), work_(std::make_shared<ClientWork>(library, loop)) {}
  ~LibraryClient() override { Retire(Disposition::kLeave, nullptr); }

  void Start(Call call, Answer done) override {
    assert(loop_->OnThisThread() && work_ && (!current_ || current_->settled()));
    current_ = std::make_shared<PendingCall>(loop_, std::move(call), std::move(done));
    work_->Start(current_);
  }
  After GiveUp() override { return current_ ? current_->GiveUp() : After::kUsable; }
  void Retire(Disposition disposition, std::function<void()> released) override {
    if (!work_) return;
    (void)GiveUp();
    std::exchange(work_, nullptr)->Retire(disposition, std::move(released));
  }

 private:
  const std::shared_ptr<Loop> loop_;
  std::shared_ptr<ClientWork> work_;      // null once retired
  std::shared_ptr<PendingCall> current_;  // the last one; perhaps answered
};

class LibraryBackend final : public Backend {
 public:
  explicit LibraryBackend(const Library& library) : library_(library) {}

  const char* name() const override { return "library"; }
  std::unique_ptr<Client> MakeClient(const std::shared_ptr<Loop>& loop) const override {
    return std::make_unique<LibraryClient>(library_, loop);
  }
  std::unique_ptr<Watcher> Watch(const std::shared_ptr<Loop>& loop, Report report) const override {
    return MakeLibraryWatcher(library_, loop, std::move(report));
  }

 private:
  const Library& library_;
};

}  // namespace

std::unique_ptr<Backend> MakeLibraryBackend(const Library& library) {
  return std::make_unique<LibraryBackend>(library);
}

}  // namespace pcsc_bridge::backend
