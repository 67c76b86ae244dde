#include "agent/requests.h"

#include <vector>

#include "agent/line_reader.h"
#include "agent/message.h"

namespace pcsc_bridge::agent {

void Request::Succeed(Json result) {
  (void)Answer(ResultMessage(id_, std::move(result)));
}

void Request::Refuse(const Refusal& refusal) {
  (void)Answer(ErrorMessage(id_, ToJson(refusal)));
}

void Request::Fail(const Error& error) {
  std::optional<Why> why;
  if (error.code == status::kCancelled) {
    const std::lock_guard<std::mutex> lock(mutex_);
    why = given_up_;
  }
  if (Answer(ErrorMessage(id_, ErrorBody(error, why))) && why) {
    const std::lock_guard<std::mutex> lock(mutex_);
    answered_so_ = true;
  }
}

Json Request::ErrorBody(const Error& error, std::optional<Why> why) {
  if (error.code != status::kCancelled) return ToJson(error);
  if (!why) return ToJson(Error{status::kClosed, command_, error.reader, ""});
  if (*why == Why::kAsker) return {{"code", "CANCELLED"}, {"message", command_ + " was cancelled"}};
  return {{"code", "TIMEOUT"},
          {"message", command_ + " did not end within " + std::to_string(timeout_.count()) +
                          " ms; somebody else may hold the card"}};
}

void Request::Watch(Json result, std::shared_ptr<Cancellable> watch) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (answered_) return;
    answered_ = true;
    watching_ = true;
    operation_ = std::move(watch);
  }
  requests_->Send(ToLine(ResultMessage(id_, std::move(result))));
}

bool Request::Answer(const Json& message) {
  std::shared_ptr<Cancellable> ended;  // goes when the lock has gone
  std::optional<Deadlines::Key> deadline;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(answered_, true)) return false;
    ended = std::move(operation_);
    operation_ = nullptr;
    deadline = deadline_;
  }
  if (deadline) Deadlines::OfProcess().Remove(*deadline);
  std::string line = ToLine(message);
  if (line.size() - 1 > kLongestLine) {
    line = ToLine(ErrorMessage(id_, ToJson(Error{status::kInsufficientBuffer, command_, "",
                                                 "the answer does not fit a message of 262144 bytes"})));
  }
  // In this order: whoever has read the answer may use the id again.
  requests_->Erase(id_);
  requests_->Send(std::move(line));
  return true;
}

void Request::Attach(std::shared_ptr<Cancellable> operation,
                     std::optional<std::chrono::milliseconds> timeout) {
  bool given_up = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    given_up = given_up_.has_value();
    if (!given_up && answered_) return;
    if (!given_up) operation_ = operation;
    if (timeout) timeout_ = *timeout;
  }
  if (given_up) {
    operation->Cancel();
    return;
  }
  if (!timeout) return;
  const auto end = [weak = weak_from_this()] {
    if (const std::shared_ptr<Request> self = weak.lock()) self->GiveUp(Why::kTime);
  };
  const std::optional<Deadlines::Key> key = Deadlines::OfProcess().Add(*timeout, end);
  if (!key) {
    end();
    return;
  }
  bool over = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over = answered_;
    deadline_ = key;
  }
  if (over) Deadlines::OfProcess().Remove(*key);
}

bool Request::GiveUp(Why why) {
  std::shared_ptr<Cancellable> operation;
  bool watching = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (given_up_ || (answered_ && !watching_)) return false;
    given_up_ = why;
    watching = std::exchange(watching_, false);
    operation = std::move(operation_);
    operation_ = nullptr;
  }
  if (watching) {
    operation->Cancel();
    requests_->Erase(id_);
    return true;
  }
  // Answers at once, unless it has just ended.
  if (operation) {
    operation->Cancel();
  } else {
    Fail(Operation::CancelledError());
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  return answered_so_;
}

std::shared_ptr<Request> Requests::Begin(std::uint64_t id, const std::string& command) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) throw Refusal(kBusy, "The agent is ending");
  if (under_way_.count(id) != 0) throw Refusal(kBusy, "A request with this id is under way");
  if (under_way_.size() >= kMost) throw Refusal(kBusy, "256 requests are under way");
  return under_way_.emplace(id, std::make_shared<Request>(shared_from_this(), id, command)).first->second;
}

bool Requests::Cancel(std::uint64_t id) {
  std::shared_ptr<Request> request;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = under_way_.find(id);
    if (found == under_way_.end()) return false;
    request = found->second;
  }
  return request->GiveUp(Request::Why::kAsker);
}

void Requests::Close() {
  std::vector<std::shared_ptr<Request>> all;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    for (const auto& [id, request] : under_way_) all.push_back(request);
  }
  for (const std::shared_ptr<Request>& request : all) request->GiveUp(Request::Why::kAsker);
}

void Requests::Erase(std::uint64_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  under_way_.erase(id);
}

}  // namespace pcsc_bridge::agent
