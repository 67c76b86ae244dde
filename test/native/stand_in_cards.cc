#include "stand_in_cards.h"

#include <algorithm>
#include <utility>

namespace pcsc_bridge::test {
namespace {

const char* Name(Disposition disposition) {
  return disposition == Disposition::kLeave ? "leave" : "reset";
}

}  // namespace

// A handle. Its claim in progress can be cancelled: while it waits, which is harmless, or while it has the
// card but has not answered, as in the middle of a call, which makes the card unusable.
class StandInCard final : public CachedCard, public std::enable_shared_from_this<StandInCard> {
 public:
  StandInCard(std::shared_ptr<StandInWorld> world, CachedCardRequest request)
      : world_(std::move(world)), request_(std::move(request)), reader_(request_.reader) {}
  ~StandInCard() override { Close(Disposition::kLeave, nullptr); }

  std::shared_ptr<Cancellable> Open(Protocols, MustReset must_reset,
                                    std::function<void(Result<Claimed>)> answer) override {
    return StartAttempt(open_ ? "reopen " : "open ", std::move(must_reset), std::move(answer));
  }
  std::shared_ptr<Cancellable> Evaluate(Protocols, MustReset must_reset,
                                        std::function<void(Result<Claimed>)> answer) override {
    return StartAttempt("evaluate ", std::move(must_reset), std::move(answer));
  }
  void End(Disposition disposition, std::function<void(Result<Done>)> answer) override;
  void Close(Disposition disposition, std::function<void()> closed) override;
  Waits waited() const override { return {}; }
  bool usable() const override { return !closed_; }
  std::shared_ptr<Connection> connection() const override { return nullptr; }

 private:
  using Task = StandInWorld::Task;

  struct Attempt final : Cancellable {
    void Cancel() override { card->CancelAttempt(*this); }

    std::shared_ptr<StandInCard> card;
    std::string what;
    bool opens = false;
    MustReset must_reset;
    std::function<void(Result<Claimed>)> answer;  // empty once given
    bool has_card = false;
  };

  std::shared_ptr<Cancellable> StartAttempt(const char* what, MustReset must_reset,
                                            std::function<void(Result<Claimed>)> answer) {
    auto attempt = std::make_shared<Attempt>();
    attempt->card = shared_from_this();
    attempt->what = what + reader_;
    attempt->opens = attempt->what != "evaluate " + reader_;
    attempt->must_reset = std::move(must_reset);
    attempt->answer = std::move(answer);
    BeginTask();
    attempt_ = attempt;
    world_->Post([attempt] { attempt->card->Try(attempt); });
    return attempt;
  }

  void BeginTask() {
    if (std::exchange(busy_, true)) world_->violations_.push_back("two things at once: " + reader_);
  }
  // Receives the result of the attempt; empty once it has been delivered.
  std::function<void(Result<Claimed>)> Take(Attempt& attempt) {
    if (attempt.answer) {
      busy_ = false;
      attempt_.reset();
    }
    return std::exchange(attempt.answer, nullptr);
  }
  StandInWorld::Reader& reader() { return world_->readers_[reader_]; }
  bool is_dead() { return exchanged_seen_ != reader().exchanged; }

  void Try(const std::shared_ptr<Attempt>& attempt);
  void CancelAttempt(Attempt& attempt);
  void ResetAndCloseHandle();
  void CloseHandle(std::vector<Task>& later, Disposition disposition);

  const std::shared_ptr<StandInWorld> world_;
  const CachedCardRequest request_;
  const std::string reader_;
  bool busy_ = false;
  bool closed_ = false;
  bool open_ = false;
  int exchanged_seen_ = 0;
  int resets_seen_ = 0;
  std::weak_ptr<Attempt> attempt_;
};

void StandInCard::Try(const std::shared_ptr<Attempt>& attempt) {
  if (!attempt->answer) return;
  Status code = status::kSuccess;
  const bool opens = !open_;
  if (closed_) {
    code = status::kClosed;
  } else if (open_ && is_dead()) {
    code = status::kRemovedCard;
  } else if (open_ && resets_seen_ != reader().resets && !attempt->opens) {
    code = status::kResetCard;
  } else if (opens && world_->failing_opens_ > 0) {
    --world_->failing_opens_;
    code = status::kProtoMismatch;
  } else if (reader().holder != nullptr || reader().held_outside) {
    reader().waiting.push_back([attempt] { attempt->card->Try(attempt); });
    return;
  }
  if (code != status::kSuccess) {
    Take (*attempt)(Error{code, attempt->what, reader_, ""});
    return;
  }
  if (opens) ++world_->open_handles_;
  open_ = true;
  exchanged_seen_ = reader().exchanged;
  resets_seen_ = reader().resets;
  reader().holder = this;
  attempt->has_card = true;
  world_->log_.push_back(attempt->what);
  if (attempt->must_reset()) {
    world_->Reset(reader_);
    world_->log_.push_back("reset " + reader_);
  }
  const std::function<void(Result<Claimed>)> answer = Take(*attempt);
  if (answer) return answer(Claimed{});
  // Cancelled in the middle of the call: undone.
  std::vector<Task> later;
  CloseHandle(later, Disposition::kLeave);
  world_->PostAll(later);
}

void StandInCard::CancelAttempt(Attempt& attempt) {
  const std::function<void(Result<Claimed>)> answer = Take(attempt);
  if (answer && attempt.has_card) closed_ = true;
  if (answer) answer(CancelledError());
}

void StandInCard::End(Disposition disposition, std::function<void(Result<Done>)> answer) {
  BeginTask();
  world_->Post([self = shared_from_this(), disposition, answer = std::move(answer)] {
    std::vector<Task> later;
    bool ended = false;
    StandInWorld& world = *self->world_;
    self->busy_ = false;
    if (world.failing_ends_ > 0) {
      --world.failing_ends_;
      self->closed_ = true;
      self->CloseHandle(later, Disposition::kLeave);  // as Connection::End does
    } else if (!self->closed_ && self->reader().holder == self.get()) {
      ended = true;
      world.log_.push_back("end " + self->reader_ + " " + Name(disposition));
      if (disposition != Disposition::kLeave) world.Reset(self->reader_);
      world.Release(self->reader(), later);
    }
    self->world_->PostAll(later);
    if (ended) {
      answer(Done{});
    } else {
      answer(Error{status::kNotTransacted, "end", self->reader_, ""});
    }
  });
}

void StandInCard::CloseHandle(std::vector<Task>& later, Disposition disposition) {
  if (reader().holder == this) world_->Release(reader(), later);
  if (!std::exchange(open_, false)) return;
  --world_->open_handles_;
  world_->log_.push_back("close " + reader_ + " " + Name(disposition));
}

// As in Connection::Close: the reset waits until no other transaction is on the card.
void StandInCard::ResetAndCloseHandle() {
  if (open_ && !is_dead()) {
    if (reader().held_outside || (reader().holder != nullptr && reader().holder != this)) {
      reader().waiting.push_back([self = shared_from_this()] { self->ResetAndCloseHandle(); });
      return;
    }
    world_->Reset(reader_);
  }
  std::vector<Task> later;
  CloseHandle(later, Disposition::kReset);
  world_->PostAll(later);
}

void StandInCard::Close(Disposition disposition, std::function<void()> closed) {
  std::function<void(Result<Claimed>)> answer;
  if (!std::exchange(closed_, true)) {
    const std::shared_ptr<Attempt> attempt = attempt_.lock();
    const bool in_call = attempt && attempt->has_card;
    if (attempt) answer = Take(*attempt);
    // In the middle of a call, the call's end closes it.
    if (!in_call && disposition != Disposition::kLeave) {
      ResetAndCloseHandle();
    } else if (!in_call) {
      std::vector<Task> later;
      CloseHandle(later, disposition);
      world_->PostAll(later);
    }
  }
  if (answer) answer(CancelledError());
  if (closed) closed();
}

CachedCardFactory StandInWorld::Factory() {
  return [self = shared_from_this()](CachedCardRequest request) {
    return std::make_shared<StandInCard>(self, std::move(request));
  };
}

void StandInWorld::Post(Task task) {
  if (put_off_) {
    tasks_.push_back(std::move(task));
    return;
  }
  max_depth_ = std::max(max_depth_, ++depth_);
  task();
  --depth_;
}

void StandInWorld::PostAll(std::vector<Task>& tasks) {
  for (Task& task : tasks) Post(std::move(task));
}

bool StandInWorld::RunTask(std::size_t which) {
  if (tasks_.empty()) return false;
  const auto chosen = tasks_.begin() + static_cast<std::ptrdiff_t>(which % tasks_.size());
  const Task task = std::move(*chosen);
  tasks_.erase(chosen);
  task();
  return true;
}

void StandInWorld::Release(Reader& reader, std::vector<Task>& retry) {
  reader.holder = nullptr;
  for (Task& task : reader.waiting) retry.push_back(std::move(task));
  reader.waiting.clear();
}

void StandInWorld::Reset(const std::string& reader) {
  readers_[reader].pin_of.reset();
  users_->NoteReset(reader);
}

void StandInWorld::ResetOutside(const std::string& reader) {
  Reader& changed = readers_[reader];
  if (changed.holder != nullptr) return;
  changed.pin_of.reset();
  ++changed.resets;
}

void StandInWorld::Hold(const std::string& reader) {
  readers_[reader].held_outside = true;
}

void StandInWorld::Free(const std::string& reader) {
  Reader& freed = readers_[reader];
  freed.held_outside = false;
  std::vector<Task> retry(std::make_move_iterator(freed.waiting.begin()),
                          std::make_move_iterator(freed.waiting.end()));
  freed.waiting.clear();
  PostAll(retry);
}

void StandInWorld::ExchangeCard(const std::string& reader) {
  ++readers_[reader].exchanged;
  readers_[reader].pin_of.reset();
}

void StandInWorld::VerifyPin(const std::string& reader, const SessionIdentity& identity) {
  readers_[reader].pin_of = identity;
}

std::optional<SessionIdentity> StandInWorld::PinOf(const std::string& reader) {
  return readers_[reader].pin_of;
}

std::string StandInWorld::log() const {
  std::string words;
  for (const std::string& word : log_) words += (words.empty() ? "" : ", ") + word;
  return words;
}

}  // namespace pcsc_bridge::test
