#include "channel/channel.h"

#include <chrono>

#include "loop/worker.h"

namespace pcsc_bridge {
namespace {

// With a closing, which takes some milliseconds, or those that a card takes for a reset. But the service may
// hang; or somebody takes the card between the look that found it free and the reset, which then waits for
// them inside the library.
constexpr std::chrono::milliseconds kPatience{1000};

}  // namespace

std::shared_ptr<Channel> Channel::Create(const Library& library) {
  struct Shared : Channel {
    explicit Shared(const Library& l) : Channel(l) {}
  };
  return std::make_shared<Shared>(library);
}

Error Channel::EndedError() const {
  if (abandoned()) return Error{status::kAbandoned, "channel", "", ""};
  return Error{status::kClosed, "channel", "", ""};
}

void Channel::Enqueue(std::shared_ptr<Operation> operation, const std::function<void()>& if_next) {
  bool accepted = false;
  bool start = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!ended()) {
      operation->abandon_ = Abandoner();
      const bool idle = queue_.empty() && current_ == nullptr;
      if (idle && if_next) if_next();
      queue_.push_back(operation);
      accepted = true;
      start = !std::exchange(started_, true);
    }
  }
  if (!accepted) {
    operation->Refuse(EndedError());
    return;
  }
  changed_.notify_one();
  if (start && !RunOnWorker([self = shared_from_this()] { self->Loop(); })) {
    std::deque<std::shared_ptr<Operation>> dropped;
    std::vector<std::function<void()>> closed;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      started_ = false;
      dropped.swap(queue_);
      closed.swap(closed_);
    }
    for (const std::shared_ptr<Operation>& refused : dropped) {
      refused->Refuse(Error{status::kNoMemory, "thread", "", "the system has no thread to give"});
    }
    for (const std::function<void()>& tell : closed) tell();
  }
}

std::function<void()> Channel::Abandoner() {
  return [weak = weak_from_this()] {
    if (const std::shared_ptr<Channel> channel = weak.lock()) channel->Abandon();
  };
}

Channel::Transmission Channel::SubmitTransmit(std::shared_ptr<const SecretBytes> apdu,
                                              OperationOf<Bytes>::Answer answer, bool revocable,
                                              bool may_be_direct) {
  auto operation = std::make_shared<OperationOf<Bytes>>(
      [apdu](Connection& connection, Operation& self) { return connection.Transmit(apdu->bytes(), self); },
      std::move(answer), revocable);
  if (may_be_direct) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (Idle() && connection_->SendTransmit(apdu->bytes())) {
      operation->abandon_ = Abandoner();
      (void)operation->Start();
      current_ = direct_ = operation;
      return {operation, true};
    }
  }
  Enqueue(operation);
  return {operation, false};
}

bool Channel::Continue() {
  std::shared_ptr<OperationOf<Bytes>> operation;
  bool answer = false;
  bool others_wait = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (direct_ == nullptr || ended()) return false;
    std::optional<Result<Bytes>> response = connection_->ReceiveTransmit();
    if (!response) return true;
    operation = std::exchange(direct_, nullptr);
    current_ = nullptr;
    if (!Connection::WasRefused(response->code())) {
      answer = operation->Conclude(std::move(*response));
    } else if (operation->Unstart()) {
      queue_.push_front(operation);  // the owner thread does what it takes
    }
    others_wait = !queue_.empty();
  }
  if (others_wait) changed_.notify_one();
  if (answer) operation->GiveAnswer();
  return true;
}

int Channel::TransmitDescriptor() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return Idle() ? connection_->TransmitDescriptor() : -1;
}

void Channel::KeepWatcher(std::shared_ptr<void> watcher) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!ended()) watcher_ = std::move(watcher);
}

std::shared_ptr<void> Channel::watcher() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return watcher_;
}

bool Channel::Idle() const {
  return started_ && !ended() && queue_.empty() && current_ == nullptr;
}

void Channel::Loop() {
  while (const std::shared_ptr<Operation> operation = Next()) {
    const bool answer = operation->DoWork(*connection_);
    // `operation` still holds it: what it carries may, when it goes, call this channel again. Before the
    // answer: whoever it wakes finds nothing locked, and the channel idle.
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      current_ = nullptr;
    }
    if (answer) operation->GiveAnswer();
    if (operation->gave_up_in_call()) Abandon();  // the one who cancels it may not have come to that yet
  }
  if (end_ == End::kClosed && disposition_ != Disposition::kLeave) {
    // Its own operation: nobody can cancel it, and nobody waits but those who asked for the closing.
    const auto operation = std::make_shared<OperationOf<Done>>(
        [this](Connection& connection, Operation& self) {
          // Whoever has the card may keep it for long: the reset waits for that, the closing does not.
          return connection.Disconnect(disposition_, self, [this] { Finish(); });
        },
        [](const Result<Done>&) {});
    static_cast<Operation&>(*operation).DoWork(*connection_);
  }
  std::unique_ptr<Connection> connection;
  std::shared_ptr<Operation> direct;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    watcher_ = nullptr;
    connection = std::move(connection_);
    direct = std::exchange(direct_, nullptr);
    current_ = nullptr;
  }
  if (direct) direct->DropWork();  // whoever still holds it: what it carried may be a PIN
  direct = nullptr;
  connection.reset();
  Finish();
}

std::shared_ptr<Operation> Channel::Next() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return (!queue_.empty() && direct_ == nullptr) || ended(); });
  if (ended()) return nullptr;
  current_ = queue_.front();
  queue_.pop_front();
  return current_;
}

void Channel::Finish() {
  std::vector<std::function<void()>> closed;
  std::optional<Deadlines::Key> deadline;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finished_ = true;
    closed.swap(closed_);
    deadline.swap(deadline_);
  }
  if (deadline) Deadlines::OfProcess().Remove(*deadline);
  for (const std::function<void()>& tell : closed) tell();
}

void Channel::Close(Disposition disposition, std::function<void()> closed) {
  std::deque<std::shared_ptr<Operation>> dropped;
  bool over = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!ended()) {
      // What is sent without the owner thread cannot be waited for: the same as where a call is stuck, and
      // not left to whether that thread sees the end before the cancel below.
      end_ = direct_ != nullptr ? End::kAbandoned : End::kClosed;
      disposition_ = disposition;
      dropped.swap(queue_);
      if (current_) dropped.push_back(current_);
    }
    over = !started_ || finished_ || abandoned();
    if (!over && closed) closed_.push_back(std::exchange(closed, nullptr));
    if (!over && !deadline_) {
      deadline_ = Deadlines::OfProcess().Add(kPatience, [weak = weak_from_this()] {
        if (const std::shared_ptr<Channel> self = weak.lock()) self->Finish();
      });
    }
  }
  changed_.notify_one();
  for (const std::shared_ptr<Operation>& operation : dropped) operation->Cancel();
  if (over && closed) closed();
}

void Channel::Abandon() {
  std::deque<std::shared_ptr<Operation>> dropped;
  std::vector<std::function<void()>> closed;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    end_ = End::kAbandoned;
    dropped.swap(queue_);
    closed.swap(closed_);
    if (connection_) connection_->YieldTurn();
  }
  changed_.notify_one();
  for (const std::shared_ptr<Operation>& operation : dropped) operation->Refuse(EndedError());
  for (const std::function<void()>& tell : closed) tell();
}

}  // namespace pcsc_bridge
