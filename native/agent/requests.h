// Requests under way, each answered once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "agent/json.h"
#include "agent/refusal.h"
#include "loop/deadlines.h"
#include "channel/operation.h"
#include "pcsc/result.h"

namespace pcsc_bridge::agent {

class Requests;

// One request. Whoever works on it answers with one of Succeed, Fail, Watch and Refuse; later answers are
// dropped. Thread safe.
class Request : public std::enable_shared_from_this<Request> {
 public:
  Request(std::shared_ptr<Requests> requests, std::uint64_t id, std::string command)
      : requests_(std::move(requests)), id_(id), command_(std::move(command)) {}

  std::uint64_t id() const { return id_; }

  void Succeed(Json result);
  // SCARD_E_CANCELLED is told as what ended the wait: the time, the asker, or the closing of what it was for.
  void Fail(const Error& error);
  void Refuse(const Refusal& refusal);
  // Succeeds and stays under way, as a source of events that ends when it is given up.
  void Watch(Json result, std::shared_ptr<Cancellable> watch);

  // What gives the request up, and when that is to be done. The operation may have answered already.
  void Attach(std::shared_ptr<Cancellable> operation,
              std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  enum class Why { kTime, kAsker };
  // False when it had ended already.
  bool GiveUp(Why why);

 private:
  bool Answer(const Json& message);  // false when there was an answer already
  Json ErrorBody(const Error& error, std::optional<Why> why);

  const std::shared_ptr<Requests> requests_;
  const std::uint64_t id_;
  const std::string command_;
  std::mutex mutex_;
  bool answered_ = false;
  bool watching_ = false;
  std::optional<Why> given_up_;
  bool answered_so_ = false;  // the giving up is what it was answered with
  std::shared_ptr<Cancellable> operation_;
  std::chrono::milliseconds timeout_{0};
  std::optional<Deadlines::Key> deadline_;
};

class Requests : public std::enable_shared_from_this<Requests> {
 public:
  static constexpr std::size_t kMost = 256;

  // `send` gets the answers, each a line, from any thread; it must not wait.
  explicit Requests(std::function<void(std::string line)> send) : send_(std::move(send)) {}

  // Throws Refusal: too many, the id is taken, or the link has ended.
  std::shared_ptr<Request> Begin(std::uint64_t id, const std::string& command);
  // False where none of this id is under way.
  bool Cancel(std::uint64_t id);
  // Gives all up and takes no more.
  void Close();

 private:
  friend class Request;
  void Send(std::string line) { send_(std::move(line)); }
  void Erase(std::uint64_t id);

  const std::function<void(std::string)> send_;
  std::mutex mutex_;
  bool closed_ = false;
  std::map<std::uint64_t, std::shared_ptr<Request>> under_way_;
};

}  // namespace pcsc_bridge::agent
