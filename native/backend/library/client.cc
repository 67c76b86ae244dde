#include "backend/library/client.h"

#include <chrono>
#include <utility>

#include "loop/worker.h"

namespace pcsc_bridge::backend {
namespace {

// The next call often comes right after the answer to the last. The worker stays for that long: giving it
// back and taking it again might need a second thread.
constexpr std::chrono::milliseconds kStay{2};

}  // namespace

void ClientWork::Start(std::shared_ptr<PendingCall> call) {
  bool start = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    next_ = call;
    start = !std::exchange(running_, true);
  }
  if (!start) {
    changed_.notify_one();
    return;
  }
  if (RunOnWorker([self = shared_from_this()] { self->Run(); })) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    next_ = nullptr;
    running_ = false;
  }
  call->Refuse(NoThreadError());
}

void ClientWork::Retire(Disposition disposition, std::function<void()> released) {
  bool start = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    retirement_.emplace(Retirement{disposition, std::move(released)});
    start = !std::exchange(running_, true);
  }
  if (!start) {
    changed_.notify_one();
  } else if (!calls_.has_context()) {
    Run();  // there is nothing to release, and so nothing to wait for
  } else {
    RunOnWorkerWhenPossible([self = shared_from_this()] { self->Run(); });
  }
}

void ClientWork::Run() {
  for (;;) {
    std::shared_ptr<PendingCall> call;
    std::optional<Retirement> retirement;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait_for(lock, kStay, [this] { return next_ != nullptr || retirement_; });
      if (next_ != nullptr) {
        call = std::move(next_);
      } else if (retirement_) {
        retirement.swap(retirement_);
      } else {
        running_ = false;
        return;
      }
    }
    if (retirement) {
      Release(std::move(*retirement));
      return;
    }
    std::optional<Call> taken = call->Take();
    if (!taken) continue;
    Outcome outcome = calls_.Make(*taken, *call);
    taken.reset();  // wipes what it carried before the loop learns of the end
    call->Finish(std::move(outcome));
  }
}

void ClientWork::Release(Retirement retirement) {
  calls_.Finish(retirement.disposition);
  const std::shared_ptr<Loop> loop = loop_.lock();
  if (loop && retirement.released) loop->Post(std::move(retirement.released));
}

void LibraryClient::Start(Call call, Answer done) {
  current_ = std::make_shared<PendingCall>(loop_, std::move(call), std::move(done));
  work_->Start(current_);
}

Client::After LibraryClient::GiveUp() {
  return current_ ? current_->GiveUp() : After::kUsable;
}

void LibraryClient::Retire(Disposition disposition, std::function<void()> released) {
  if (!work_) return;
  (void)GiveUp();
  std::exchange(work_, nullptr)->Retire(disposition, std::move(released));
}

}  // namespace pcsc_bridge::backend
