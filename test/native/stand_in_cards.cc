#include "stand_in_cards.h"

#include <algorithm>
#include <utility>

namespace pcsc_bridge::test {
namespace {

using Lock = std::lock_guard<std::mutex>;

const char* Name(Disposition disposition) {
  return disposition == Disposition::kLeave ? "leave" : "reset";
}

}  // namespace

// A handle. Its claim under way can be cancelled: while it waits, which harms nothing, or while it has the
// card but has not answered, as in the middle of a call, which makes the card unusable.
class StandInCard final : public CachedCard, public std::enable_shared_from_this<StandInCard> {
 public:
  StandInCard(std::shared_ptr<StandInWorld> world, std::string reader)
      : world_(std::move(world)), reader_(std::move(reader)) {}
  ~StandInCard() override { Close(Disposition::kLeave, nullptr); }

  std::shared_ptr<Cancellable> Open(MustReset must_reset,
                                    std::function<void(Result<Claim>)> answer) override {
    return StartAttempt("open ", std::move(must_reset), std::move(answer));
  }
  std::shared_ptr<Cancellable> Evaluate(MustReset must_reset,
                                        std::function<void(Result<Claim>)> answer) override {
    return StartAttempt("evaluate ", std::move(must_reset), std::move(answer));
  }
  void End(Disposition disposition, std::function<void(Result<Done>)> answer) override;
  void Close(Disposition disposition, std::function<void()> closed) override;
  bool usable() const override {
    const Lock lock(world_->mutex_);
    return !closed_;
  }
  std::shared_ptr<Channel> channel() const override { return nullptr; }

 private:
  using Task = StandInWorld::Task;

  struct Attempt final : Cancellable {
    void Cancel() override { card->CancelAttempt(*this); }

    std::shared_ptr<StandInCard> card;
    std::string what;
    MustReset must_reset;
    std::function<void(Result<Claim>)> answer;  // empty once given; guarded by the world's mutex
    bool has_card = false;
  };

  std::shared_ptr<Cancellable> StartAttempt(const char* what, MustReset must_reset,
                                            std::function<void(Result<Claim>)> answer) {
    auto attempt = std::make_shared<Attempt>();
    attempt->card = shared_from_this();
    attempt->what = what + reader_;
    attempt->must_reset = std::move(must_reset);
    attempt->answer = std::move(answer);
    {
      const Lock lock(world_->mutex_);
      BeginTask();
      attempt_ = attempt;
    }
    world_->Post([attempt] { attempt->card->Try(attempt); });
    return attempt;
  }

  void BeginTask() {
    if (std::exchange(busy_, true)) world_->violations_.push_back("two things at once: " + reader_);
  }
  // Takes the answer of the attempt; empty when it has been given.
  std::function<void(Result<Claim>)> Take(Attempt& attempt) {
    if (attempt.answer) {
      busy_ = false;
      attempt_.reset();
    }
    return std::exchange(attempt.answer, nullptr);
  }
  void Try(const std::shared_ptr<Attempt>& attempt);
  void CancelAttempt(Attempt& attempt);
  void CloseHandle(std::vector<Task>& later);

  const std::shared_ptr<StandInWorld> world_;
  const std::string reader_;
  // Guarded by the world's mutex.
  bool busy_ = false;
  bool closed_ = false;
  bool open_ = false;
  int exchanged_seen_ = 0;
  std::weak_ptr<Attempt> attempt_;
};

void StandInCard::Try(const std::shared_ptr<Attempt>& attempt) {
  std::function<void(Result<Claim>)> answer;
  Status code = status::kSuccess;
  {
    const Lock lock(world_->mutex_);
    if (!attempt->answer) return;
    StandInWorld::Reader& reader = world_->readers_[reader_];
    const bool opens = !open_;
    if (closed_) {
      code = status::kClosed;
    } else if (open_ && exchanged_seen_ != reader.exchanged) {
      code = status::kRemovedCard;
    } else if (opens && world_->failing_opens_ > 0) {
      --world_->failing_opens_;
      code = status::kProtoMismatch;
    } else if (reader.holder != nullptr || reader.held_outside) {
      reader.waiting.push_back([attempt] { attempt->card->Try(attempt); });
      return;
    }
    if (code == status::kSuccess) {
      if (opens) ++world_->open_handles_;
      open_ = true;
      exchanged_seen_ = reader.exchanged;
      reader.holder = this;
      attempt->has_card = true;
      world_->log_.push_back(attempt->what);
    } else {
      answer = Take(*attempt);
    }
  }
  if (code != status::kSuccess) {
    answer(Error{code, attempt->what, reader_, ""});
    return;
  }
  const bool reset = attempt->must_reset();
  std::vector<Task> later;
  {
    const Lock lock(world_->mutex_);
    answer = Take(*attempt);
    if (!answer) {
      CloseHandle(later);  // given up in mid-call: undone
    } else if (reset) {
      world_->readers_[reader_].pin_of.reset();
      world_->log_.push_back("reset " + reader_);
    }
  }
  world_->PostAll(later);
  if (answer) answer(Claim{});
}

void StandInCard::CancelAttempt(Attempt& attempt) {
  std::function<void(Result<Claim>)> answer;
  {
    const Lock lock(world_->mutex_);
    answer = Take(attempt);
    if (answer && attempt.has_card) closed_ = true;
  }
  if (answer) answer(Operation::CancelledError());
}

void StandInCard::End(Disposition disposition, std::function<void(Result<Done>)> answer) {
  {
    const Lock lock(world_->mutex_);
    BeginTask();
  }
  world_->Post([self = shared_from_this(), disposition, answer = std::move(answer)] {
    std::vector<Task> later;
    bool ended = false;
    {
      const Lock lock(self->world_->mutex_);
      StandInWorld& world = *self->world_;
      self->busy_ = false;
      StandInWorld::Reader& reader = world.readers_[self->reader_];
      if (world.failing_ends_ > 0) {
        --world.failing_ends_;
        self->CloseHandle(later);  // as Connection::End does
      } else if (!self->closed_ && reader.holder == self.get()) {
        ended = true;
        if (disposition != Disposition::kLeave) reader.pin_of.reset();
        world.log_.push_back("end " + self->reader_ + " " + Name(disposition));
        world.Release(reader, later);
      }
    }
    self->world_->PostAll(later);
    if (ended) {
      answer(Done{});
    } else {
      answer(Error{status::kNotTransacted, "end", self->reader_, ""});
    }
  });
}

void StandInCard::CloseHandle(std::vector<Task>& later) {
  closed_ = true;
  StandInWorld::Reader& reader = world_->readers_[reader_];
  if (reader.holder == this) world_->Release(reader, later);
  if (!std::exchange(open_, false)) return;
  --world_->open_handles_;
  world_->log_.push_back("close " + reader_);
}

void StandInCard::Close(Disposition disposition, std::function<void()> closed) {
  std::vector<Task> later;
  std::function<void(Result<Claim>)> answer;
  {
    const Lock lock(world_->mutex_);
    closed_ = true;
    const std::shared_ptr<Attempt> attempt = attempt_.lock();
    const bool in_call = attempt && attempt->has_card;
    if (attempt) answer = Take(*attempt);
    // In mid-call the call's end closes it. A reset waits for nobody here: it only ever hides PIN states.
    if (!in_call) {
      if (open_ && disposition != Disposition::kLeave && world_->readers_[reader_].holder == this) {
        world_->readers_[reader_].pin_of.reset();
      }
      CloseHandle(later);
    }
  }
  world_->PostAll(later);
  if (answer) answer(Operation::CancelledError());
  if (closed) closed();
}

CachedCardFactory StandInWorld::Factory() {
  return [self = shared_from_this()](const std::string& reader) {
    return std::make_shared<StandInCard>(self, reader);
  };
}

void StandInWorld::Post(Task task) {
  {
    const Lock lock(mutex_);
    if (put_off_) {
      tasks_.push_back(std::move(task));
      return;
    }
    max_depth_ = std::max(max_depth_, ++depth_);
  }
  task();
  const Lock lock(mutex_);
  --depth_;
}

void StandInWorld::PostAll(std::vector<Task>& tasks) {
  for (Task& task : tasks) Post(std::move(task));
}

bool StandInWorld::RunTask(std::size_t which) {
  Task task;
  {
    const Lock lock(mutex_);
    if (tasks_.empty()) return false;
    const auto chosen = tasks_.begin() + static_cast<std::ptrdiff_t>(which % tasks_.size());
    task = std::move(*chosen);
    tasks_.erase(chosen);
  }
  task();
  return true;
}

void StandInWorld::Release(Reader& reader, std::vector<Task>& retry) {
  reader.holder = nullptr;
  for (Task& task : reader.waiting) retry.push_back(std::move(task));
  reader.waiting.clear();
}

void StandInWorld::Hold(const std::string& reader) {
  const Lock lock(mutex_);
  readers_[reader].held_outside = true;
}

void StandInWorld::Free(const std::string& reader) {
  std::vector<Task> retry;
  {
    const Lock lock(mutex_);
    Reader& freed = readers_[reader];
    freed.held_outside = false;
    for (Task& task : freed.waiting) retry.push_back(std::move(task));
    freed.waiting.clear();
  }
  PostAll(retry);
}

void StandInWorld::ExchangeCard(const std::string& reader) {
  const Lock lock(mutex_);
  ++readers_[reader].exchanged;
  readers_[reader].pin_of.reset();
}

void StandInWorld::FailOpens(int times) {
  const Lock lock(mutex_);
  failing_opens_ = times;
}

void StandInWorld::FailEnds(int times) {
  const Lock lock(mutex_);
  failing_ends_ = times;
}

void StandInWorld::VerifyPin(const std::string& reader, const SessionIdentity& identity) {
  const Lock lock(mutex_);
  readers_[reader].pin_of = identity;
}

std::optional<SessionIdentity> StandInWorld::PinOf(const std::string& reader) {
  const Lock lock(mutex_);
  return readers_[reader].pin_of;
}

std::string StandInWorld::log() {
  const Lock lock(mutex_);
  std::string words;
  for (const std::string& word : log_) words += (words.empty() ? "" : ", ") + word;
  return words;
}

void StandInWorld::ForgetLog() {
  const Lock lock(mutex_);
  log_.clear();
}

std::size_t StandInWorld::open_handles() {
  const Lock lock(mutex_);
  return open_handles_;
}

std::vector<std::string> StandInWorld::violations() {
  const Lock lock(mutex_);
  return violations_;
}

}  // namespace pcsc_bridge::test
