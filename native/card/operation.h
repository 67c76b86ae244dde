// One operation on a connection, as its caller holds it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "loop/cancellable.h"
#include "loop/loop.h"
#include "pcsc/result.h"

namespace pcsc_bridge {

class Connection;

// Belongs to its connection's loop, Cancel excepted, which may be called on any thread.
class Operation : public Cancellable, public std::enable_shared_from_this<Operation> {
 public:
  void Cancel() override;

 protected:
  Operation(std::weak_ptr<Connection> connection, std::shared_ptr<Loop> loop)
      : connection_(std::move(connection)), loop_(std::move(loop)) {}

 private:
  friend class Connection;
  virtual void Run() = 0;               // begins to work
  virtual void AnswerError(Error) = 0;  // without effect once it has been answered

  const std::weak_ptr<Connection> connection_;
  const std::shared_ptr<Loop> loop_;
};

// An operation that yields a T.
template <class T>
class OperationOf final : public Operation {
 public:
  using Work = std::function<void(OperationOf&)>;
  using Answer = std::function<void(Result<T>)>;

  OperationOf(std::weak_ptr<Connection> connection, std::shared_ptr<Loop> loop, Work work, Answer answer)
      : Operation(std::move(connection), std::move(loop)),
        work_(std::move(work)),
        answer_(std::move(answer)) {}

 private:
  friend class Connection;
  void Run() override { std::exchange(work_, nullptr)(*this); }
  void AnswerError(Error error) override { Give(std::move(error)); }
  // The captures of the work and the answer are destroyed with them, however long the caller keeps the
  // operation.
  void Give(Result<T> result) {
    work_ = nullptr;
    if (answer_) std::exchange(answer_, nullptr)(std::move(result));
  }

  Work work_;
  Answer answer_;
};

}  // namespace pcsc_bridge
