#include "readers/questions.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "backend/choice.h"
#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

// The service limits the number of contexts: an unused one is worth less than the call that makes it anew.
constexpr std::chrono::milliseconds kIdleLife{1000};

backend::Answer ForNames(std::function<void(Result<std::vector<std::string>>)> answer) {
  return [answer = std::move(answer)](backend::Outcome outcome) {
    if (!outcome) return answer(outcome.error());
    answer(std::move(outcome->names));
  };
}

}  // namespace

class Questions::Question final : public Cancellable, public std::enable_shared_from_this<Question> {
 public:
  Question(backend::Call call, std::shared_ptr<Loop> loop, backend::Answer answer)
      : call_(std::move(call)), loop_(std::move(loop)), answer_(std::move(answer)) {}

  void Cancel() override {
    given_up_ = true;
    loop_->Execute([self = shared_from_this()] { self->Answer(CancelledError()); });
  }
  void Give(backend::Outcome outcome) {
    loop_->Post([self = shared_from_this(), outcome = std::move(outcome)]() mutable {
      self->Answer(std::move(outcome));
    });
  }

  // A waiting question that was given up is not asked.
  bool given_up() const { return given_up_; }
  const backend::Call& call() const { return call_; }

 private:
  void Answer(backend::Outcome outcome) {
    if (answer_) std::exchange(answer_, nullptr)(std::move(outcome));
  }

  const backend::Call call_;
  const std::shared_ptr<Loop> loop_;
  std::atomic<bool> given_up_{false};
  backend::Answer answer_;  // on loop_; null once answered
};

std::shared_ptr<Questions> Questions::Create(std::shared_ptr<Loop> loop, backend::Provider provider) {
  return std::shared_ptr<Questions>(new Questions(std::move(loop), std::move(provider)));
}

std::shared_ptr<Questions> Questions::OfProcess() {
  const std::shared_ptr<Loop> loop = Loop::OfProcess();
  if (!loop) return nullptr;
  static Immortal<std::shared_ptr<Questions>> questions(Create(loop, backend::OfProcess()));
  return *questions;
}

std::shared_ptr<Cancellable> Questions::ListReaders(
    std::vector<std::string> groups, std::shared_ptr<Loop> loop,
    std::function<void(Result<std::vector<std::string>>)> answer) {
  return Ask(backend::ListReaders{std::move(groups)}, std::move(loop), ForNames(std::move(answer)));
}

std::shared_ptr<Cancellable> Questions::ListReaderGroups(
    std::shared_ptr<Loop> loop, std::function<void(Result<std::vector<std::string>>)> answer) {
  return Ask(backend::ListReaderGroups{}, std::move(loop), ForNames(std::move(answer)));
}

std::shared_ptr<Cancellable> Questions::IsValid(std::shared_ptr<Loop> loop,
                                                std::function<void(Result<bool>)> answer) {
  return Ask(backend::CheckContext{}, std::move(loop),
             [answer = std::move(answer)](const backend::Outcome& outcome) {
               if (outcome.code() == status::kCancelled) return answer(outcome.error());
               answer(outcome.ok());
             });
}

std::shared_ptr<Cancellable> Questions::Ask(backend::Call call, std::shared_ptr<Loop> loop,
                                            backend::Answer answer) {
  auto question = std::make_shared<Question>(std::move(call), std::move(loop), std::move(answer));
  loop_->Execute([self = shared_from_this(), question] {
    self->queue_.push_back(question);
    self->AskNext();
  });
  return question;
}

void Questions::AskNext() {
  // While the service hangs, these would accumulate.
  queue_.erase(
      std::remove_if(queue_.begin(), queue_.end(), [](const auto& each) { return each->given_up(); }),
      queue_.end());
  if (current_ || queue_.empty()) return;
  current_ = std::move(queue_.front());
  queue_.pop_front();
  idle_ = {};
  StartOn(client_ == nullptr);
}

void Questions::StartOn(bool fresh) {
  const auto start = [this, self = shared_from_this(), fresh] {
    client_->Start(current_->call(), [this, fresh](backend::Outcome outcome) {
      if (outcome) return Finish(std::move(outcome));
      ReleaseContext();
      // A context does not outlive its service: retry on a new one. CheckContext asks exactly that, so it
      // does not retry.
      if (fresh || std::holds_alternative<backend::CheckContext>(current_->call()))
        return Finish(std::move(outcome));
      StartOn(true);
    });
  };
  if (client_) return start();
  provider_(loop_, [this, self = shared_from_this(), start](const Result<const backend::Backend*>& found) {
    if (!found) return Finish(found.error());
    client_ = found.value()->MakeClient(loop_);
    start();
  });
}

void Questions::ReleaseContext() {
  if (!client_) return;
  client_->Retire(Disposition::kLeave, nullptr);
  // This may be inside one of its answers.
  loop_->Post([gone = std::shared_ptr<backend::Client>(std::move(client_))] {});
}

void Questions::Finish(backend::Outcome outcome) {
  std::exchange(current_, nullptr)->Give(std::move(outcome));
  idle_ = loop_->After(kIdleLife, [this] { ReleaseContext(); });
  loop_->Post([self = shared_from_this()] { self->AskNext(); });
}

}  // namespace pcsc_bridge
