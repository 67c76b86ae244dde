#include "agent/requests.h"

#include "agent/line_reader.h"
#include "agent/message.h"

namespace pcsc_bridge::agent {

const std::shared_ptr<Loop>& Request::loop() const {
  return requests_->loop();
}

void Request::Succeed(Json result) {
  (void)Answer(ResultMessage(id_, std::move(result)));
}

void Request::Refuse(const Refusal& refusal) {
  (void)Answer(ErrorMessage(id_, ToJson(refusal)));
}

void Request::Fail(const Error& error) {
  const bool told = Answer(ErrorMessage(id_, ErrorBody(error)));
  if (told && error.code == status::kCancelled && given_up_) told_given_up_ = true;
}

Json Request::ErrorBody(const Error& error) const {
  if (error.code != status::kCancelled) return ToJson(error);
  if (!given_up_) return ToJson(Error{status::kClosed, command_, error.reader, ""});
  if (*given_up_ == Why::kCancel) return {{"code", "CANCELLED"}, {"message", command_ + " was cancelled"}};
  return {{"code", "TIMEOUT"},
          {"message", command_ + " did not end within " + std::to_string(timeout_.count()) +
                          " ms; another program may hold the card"}};
}

void Request::Watch(Json result, std::shared_ptr<Cancellable> watch) {
  if (state_ != State::kUnderWay) return;
  state_ = State::kWatching;
  operation_ = std::move(watch);
  requests_->Send(ToLine(ResultMessage(id_, std::move(result))));
}

bool Request::Answer(const Json& message) {
  if (state_ != State::kUnderWay) return false;
  state_ = State::kAnswered;
  // Released here, on the loop: the last holder of the request may be a worker thread.
  deadline_ = {};
  const std::shared_ptr<Cancellable> ended = std::move(operation_);
  std::string line = ToLine(message);
  if (line.size() - 1 > kLongestLine) {
    line = ToLine(ErrorMessage(id_, ToJson(Error{status::kInsufficientBuffer, command_, "",
                                                 "the answer does not fit a message of 262144 bytes"})));
  }
  const std::shared_ptr<Request> self = shared_from_this();
  // In this order: a controller that has read the answer may use the id again.
  requests_->Erase(id_);
  requests_->Send(std::move(line));
  return true;
}

void Request::Attach(std::shared_ptr<Cancellable> operation,
                     std::optional<std::chrono::milliseconds> timeout) {
  if (given_up_) return operation->Cancel();
  if (state_ != State::kUnderWay) return;
  operation_ = std::move(operation);
  if (!timeout) return;
  timeout_ = *timeout;
  deadline_ = loop()->After(*timeout, [this, weak = weak_from_this()] {
    if (const std::shared_ptr<Request> self = weak.lock()) GiveUp(Why::kTimeout);
  });
}

bool Request::GiveUp(Why why) {
  if (given_up_ || state_ == State::kAnswered) return false;
  given_up_ = why;
  const std::shared_ptr<Request> self = shared_from_this();
  const std::shared_ptr<Cancellable> operation = std::move(operation_);
  operation_ = nullptr;
  if (state_ == State::kWatching) {
    state_ = State::kAnswered;
    operation->Cancel();
    requests_->Erase(id_);
    return true;
  }
  // Answers at once, unless it has just ended.
  if (operation) {
    operation->Cancel();
  } else {
    Fail(CancelledError());
  }
  return told_given_up_;
}

std::shared_ptr<Request> Requests::Begin(std::uint64_t id, const std::string& command) {
  if (closed_) throw Refusal(kBusy, "The agent is ending");
  if (under_way_.count(id) != 0) throw Refusal(kBusy, "A request with this id is under way");
  if (under_way_.size() >= kMost) throw Refusal(kBusy, "256 requests are under way");
  return under_way_.emplace(id, std::make_shared<Request>(shared_from_this(), id, command)).first->second;
}

bool Requests::Cancel(std::uint64_t id) {
  const auto found = under_way_.find(id);
  if (found == under_way_.end()) return false;
  const std::shared_ptr<Request> request = found->second;
  return request->GiveUp(Request::Why::kCancel);
}

void Requests::Close() {
  closed_ = true;
  // A copy: each leaves the map as it is answered.
  for (const auto& [id, request] : std::map(under_way_)) request->GiveUp(Request::Why::kCancel);
}

}  // namespace pcsc_bridge::agent
