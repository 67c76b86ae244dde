// Pending requests, each answered once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/json.h"
#include "agent/refusal.h"
#include "loop/cancellable.h"
#include "loop/loop.h"
#include "pcsc/result.h"

namespace pcsc_bridge::agent {

class Requests;

// One request. One of Succeed, Fail, Watch and Refuse answers it; later answers are dropped. On the loop of
// its Requests.
class Request : public std::enable_shared_from_this<Request> {
 public:
  Request(std::shared_ptr<Requests> requests, std::uint64_t id, std::string command)
      : requests_(std::move(requests)), id_(id), command_(std::move(command)) {}

  std::uint64_t id() const { return id_; }
  const std::shared_ptr<Loop>& loop() const;

  void Succeed(Json result);
  // SCARD_E_CANCELLED is reported as the cause of the end: the timeout, the controller's cancel, or the
  // closing of the object.
  void Fail(const Error& error);
  void Refuse(const Refusal& refusal);
  // Succeeds and stays pending, as a source of events that ends when it is given up.
  void Watch(Json result, std::shared_ptr<Cancellable> watch);

  // The action that gives the request up, and the time limit. The operation may have answered already.
  void Attach(std::shared_ptr<Cancellable> operation,
              std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  enum class Why { kTimeout, kCancel };
  // False if it had ended already.
  bool GiveUp(Why why);

 private:
  enum class State { kUnderWay, kWatching, kAnswered };

  bool Answer(const Json& message);  // false if there was an answer already
  Json ErrorBody(const Error& error) const;

  const std::shared_ptr<Requests> requests_;
  const std::uint64_t id_;
  const std::string command_;
  State state_ = State::kUnderWay;
  std::optional<Why> given_up_;
  bool told_given_up_ = false;  // the answer reports it
  std::shared_ptr<Cancellable> operation_;
  std::chrono::milliseconds timeout_{0};
  Loop::Timer deadline_;
};
using RequestPtr = std::shared_ptr<Request>;

// On the loop.
class Requests : public std::enable_shared_from_this<Requests> {
 public:
  static constexpr std::size_t kMost = 256;

  // `send` receives the answers, each a line; it must not wait.
  Requests(std::shared_ptr<Loop> loop, std::function<void(std::string line)> send)
      : loop_(std::move(loop)), send_(std::move(send)) {}

  const std::shared_ptr<Loop>& loop() const { return loop_; }

  // Throws Refusal if there are too many requests, the id is in use, or the link has ended.
  std::shared_ptr<Request> Begin(std::uint64_t id, const std::string& command);
  // False if no request with this id is pending.
  bool Cancel(std::uint64_t id);
  // Gives up all requests and accepts no more.
  void Close();

 private:
  friend class Request;
  void Send(std::string line) { send_(std::move(line)); }
  void Erase(std::uint64_t id) { under_way_.erase(id); }

  const std::shared_ptr<Loop> loop_;
  const std::function<void(std::string)> send_;
  bool closed_ = false;
  std::map<std::uint64_t, std::shared_ptr<Request>> under_way_;
};

}  // namespace pcsc_bridge::agent
