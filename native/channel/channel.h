// A channel: one PC/SC context, at most one card, and the one thread that may touch them.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "channel/connection.h"
#include "loop/deadlines.h"
#include "channel/operation.h"
#include "channel/reader_gate.h"
#include "pcsc/secret.h"

namespace pcsc_bridge {

// Work is done in order, on the channel's thread, which starts with the first piece of it. Thread safe.
//
// A channel ends in one of two ways. Closed: what is under way is cancelled, the card disconnected, the
// context released. Abandoned, when an operation is cancelled while it is stuck inside the PC/SC library:
// the stuck thread is left alone, takes no more work, undoes what arrives late, and dies; whoever owned the
// channel makes a new one.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  static std::shared_ptr<Channel> Create(const Library& library);
  ~Channel() = default;

  // Does `work` on the owner thread and calls `answer` once, on that thread or on the one that cancels. The
  // operation is the asker's way to cancel. On a channel that has ended the answer comes at once: kClosed
  // or kAbandoned. `revocable`: the asker may cancel.
  template <class T>
  std::shared_ptr<Operation> Submit(typename OperationOf<T>::Work work,
                                    typename OperationOf<T>::Answer answer, bool revocable = true) {
    auto operation = std::make_shared<OperationOf<T>>(std::move(work), std::move(answer), revocable);
    Enqueue(operation);
    return operation;
  }

  // The same for work that begins by waiting for its turn at a reader. Where the channel has nothing else to
  // do it stands in line from here on: those who ask one after another are served in that order, however
  // their channels' threads are scheduled.
  template <class T>
  std::shared_ptr<Operation> SubmitInLine(
      const std::string& reader, std::function<Result<T>(Connection&, Operation&, ReaderGate::Place)> work,
      typename OperationOf<T>::Answer answer) {
    const auto place = std::make_shared<ReaderGate::Place>();
    auto operation = std::make_shared<OperationOf<T>>(
        [work = std::move(work), place](Connection& connection, Operation& self) {
          return work(connection, self, std::move(*place));
        },
        std::move(answer));
    Enqueue(operation, [&] { *place = ReaderGate::OfProcess().TakePlace(reader, *operation); });
    return operation;
  }

  // SCardTransmit. `may_be_direct`: the asker is an event loop that waits for the TransmitDescriptor. Where
  // nothing else is under way or to be waited for, the command is then sent here and now (`direct`), without
  // the owner thread, and Continue is to be called when the descriptor is readable.
  struct Transmission {
    std::shared_ptr<Operation> operation;
    bool direct = false;
  };
  Transmission SubmitTransmit(std::shared_ptr<const SecretBytes> apdu, OperationOf<Bytes>::Answer answer,
                              bool revocable, bool may_be_direct);
  // The same thread as SubmitTransmit. Answers the transmit when its response is there; what was asked for
  // meanwhile goes on then. False when nothing is under way that way.
  bool Continue();
  // Whatever watches the descriptor, until the channel has ended.
  void KeepWatcher(std::shared_ptr<void> watcher);
  std::shared_ptr<void> watcher() const;
  // The caller closes it. Negative while the channel is busy or has no card, and always where transmits need
  // the owner thread.
  int TransmitDescriptor() const;

  // Cancels what is under way, then disconnects with `disposition`. `closed` is called when all is released,
  // or at once where that cannot be waited for: a call is stuck, or somebody else has the card that is to be
  // reset. Where that comes out only then, as when the service hangs: after a second. Later calls are
  // answered like the first.
  void Close(Disposition disposition, std::function<void()> closed = nullptr);

  bool abandoned() const { return end_ == End::kAbandoned; }
  bool ended() const { return end_ != End::kNone; }

 private:
  enum class End { kNone, kClosed, kAbandoned };

  explicit Channel(const Library& library) : connection_(std::make_unique<Connection>(library)) {}

  // `if_next` is called first where nothing is queued or under way.
  void Enqueue(std::shared_ptr<Operation> operation, const std::function<void()>& if_next = nullptr);
  bool Idle() const;
  std::function<void()> Abandoner();
  void Abandon();
  void Loop();
  std::shared_ptr<Operation> Next();
  void Finish();  // nothing is left that whoever closes could wait for, or for longer
  Error EndedError() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Operation>> queue_;
  std::shared_ptr<Operation> current_;
  // current_, where it does without the owner thread: the connection is then for who holds the mutex, until
  // the channel ends.
  std::shared_ptr<OperationOf<Bytes>> direct_;
  std::atomic<End> end_{End::kNone};
  std::shared_ptr<void> watcher_;
  bool started_ = false;
  bool finished_ = false;
  std::optional<Deadlines::Key> deadline_;  // of the closing
  Disposition disposition_ = Disposition::kLeave;
  std::vector<std::function<void()>> closed_;
  std::unique_ptr<Connection> connection_;  // the owner thread's, but for YieldTurn and what is direct
};

}  // namespace pcsc_bridge
