// A connection to one card: its operations, in order, on one loop.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "card/card_users.h"
#include "card/exchange.h"
#include "card/operation.h"
#include "card/reader_queue.h"
#include "loop/scope.h"

namespace pcsc_bridge {

// What a Begin does when another program has reset the card since this handle last used it.
enum class OnReset {
  kFail,       // SCARD_W_RESET_CARD
  kReconnect,  // reconnects, leaving the card as it is, and begins; BeginOutcome reports it
};

// How long an operation waited for a card, by the owner of the transaction or exclusive connection.
struct Waits {
  std::chrono::microseconds in_process{0};  // that of another user in this process
  std::chrono::microseconds elsewhere{0};   // another process's, as far as the service reports it

  bool any() const { return in_process.count() > 0 || elsewhere.count() > 0; }
  Waits& operator+=(const Waits& other) {
    in_process += other.in_process;
    elsewhere += other.elsewhere;
    return *this;
  }
  // Never zero: it was a wait.
  static std::chrono::microseconds Since(std::chrono::steady_clock::time_point start) {
    using std::chrono::microseconds;
    const auto passed = std::chrono::steady_clock::now() - start;
    return std::max(microseconds(1), std::chrono::duration_cast<microseconds>(passed));
  }
};

struct BeginOutcome {
  bool handle_works = false;    // proven by the begin; otherwise call SCardStatus
  bool card_was_reset = false;  // by another program, before the transaction began
  Waits waited;                 // on Windows a begin counts from 100 ms on
};

struct ConnectParameters {
  std::string reader;
  ShareMode share_mode = ShareMode::kShared;
  Protocols protocols = 0;
  // Waits while another program is connected exclusively; otherwise SCARD_E_SHARING_VIOLATION at once.
  bool waits_for_exclusive = false;
  // For Claim; may be null. Called when it has the turn at the reader and is about to take a context.
  std::function<void()> about_to_connect = nullptr;
};

// Belongs to a scope's loop: every member and every answer is called there. Operations run one after
// another. Each is answered once; Cancel answers it at once with SCARD_E_CANCELLED. An operation that was
// given up while it waited never reaches the card. A call that is stuck inside PC/SC cannot be stopped: the
// connection is then abandoned (kAbandoned), late effects are undone, and the caller makes a new
// connection.
//
// An operation that may meet another transaction first takes its turn at the reader (ReaderQueue); a
// transaction keeps the turn. If a connection is dropped, or its scope ends, a transaction in which the
// card was used ends with a reset.
class Connection : public Resident, public std::enable_shared_from_this<Connection> {
 public:
  enum class State {
    kClosed,  // no handle yet, or none any more
    kOpen,    // a handle, no transaction
    kStale,   // a handle that is reconnected before its next use, and its card handed to its owner: our own
              // transaction has reset the card, or the owner has not got it yet
    kHeld,    // in a transaction in which nothing was sent
    kUsed,    // in a transaction in which the card got commands
    kAbandoned,  // a call was abandoned inside PC/SC: accepts no more operations
    kEnded,      // closed by Close or with its scope: accepts no more operations
  };

  struct Parts {
    std::shared_ptr<Scope> scope;
    backend::Provider provider;
    std::shared_ptr<CardUsers> users;
    CardOwner owner;  // for Connect and Begin; Claim has its own rule
    // The action on an idle card when the scope ends or the connection is dropped; null: kLeave.
    std::function<Disposition()> owed_when_dropped = nullptr;
  };
  static std::shared_ptr<Connection> Create(Parts parts);
  ~Connection() override;

  template <class T>
  using Answer = std::function<void(Result<T>)>;
  using Handle = std::shared_ptr<Operation>;

  // SCardConnect. It first releases an earlier card, as the destructor does.
  Handle Connect(ConnectParameters parameters, Answer<Protocols> answer);
  Handle Reconnect(ShareMode share_mode, Protocols protocols, Disposition initialization,
                   Answer<Protocols> answer);
  Handle Disconnect(Disposition disposition, Answer<Done> answer);
  Handle Begin(OnReset on_reset, Answer<BeginOutcome> answer);
  Handle End(Disposition disposition, Answer<Done> answer);
  Handle GetStatus(Answer<CardStatus> answer);
  // `protocol`: to send with, for a direct connection; 0: the active one.
  Handle Transmit(std::shared_ptr<const SecretBytes> apdu, Answer<Bytes> answer, Protocols protocol = 0);
  // Sends a command and reads its whole response, without another operation of this process in between.
  Handle Exchange(pcsc_bridge::Exchange exchange, Answer<Bytes> answer);
  Handle Control(std::uint32_t code, std::shared_ptr<const SecretBytes> input, Answer<Bytes> answer);
  Handle GetAttribute(std::uint32_t id, Answer<Bytes> answer);
  Handle SetAttribute(std::uint32_t id, Bytes value, Answer<Done> answer);

  // For the card cache: begins a transaction and reads the card's ATR, in one turn at the reader. It
  // connects first if there is no handle. If another program has reset the card of a handle, it fails
  // (SCARD_W_RESET_CARD). `must_reset` is called only after the transaction has begun: until then another
  // session may still have the card. The card is also reset if its active protocol is none of `wanted`: in
  // the transaction, while no other program uses it.
  struct Claimed {
    BeginOutcome begun;
    Bytes atr;
    Protocols protocol = 0;  // the active one
  };
  Handle Claim(std::shared_ptr<const ConnectParameters> parameters, Protocols wanted,
               std::function<bool()> must_reset, Answer<Claimed> answer);

  // Cancels the running operation, disconnects with `disposition`, and releases the context. `closed`,
  // which may be null, is called when that is done, or as soon as it waits for another transaction or a
  // stuck call, and after a second at the latest; the disposition is carried out nevertheless. Later calls
  // are answered at once.
  void Close(Disposition disposition, std::function<void()> closed = nullptr);

  State state() const { return state_; }
  // Any thread.
  bool ended() const {
    const State state = state_;
    return state == State::kAbandoned || state == State::kEnded;
  }
  bool in_transaction() const { return state_ == State::kHeld || state_ == State::kUsed; }
  const std::string& reader() const { return parameters_.reader; }
  // Of the operation that is being answered, or is under way.
  const Waits& waited() const { return waited_; }
  const std::shared_ptr<Loop>& loop() const { return parts_.scope->loop(); }

  void OnScopeEnd() override;

 private:
  friend class Operation;
  using Then = std::function<void(backend::Outcome)>;

  explicit Connection(Parts parts);

  template <class T>
  Handle Submit(typename OperationOf<T>::Work work, Answer<T> answer);
  void Enqueue(const Handle& operation);
  void StartNext();
  void Cancel(Operation& operation);
  // The running operation is over: it leaves the turn unless a transaction keeps it.
  void LeaveCurrent();
  // Asserts what holds between two operations: a handle in the states that say so, the turn in a transaction.
  void CheckInvariants() const;
  template <class T>
  void Settle(OperationOf<T>& operation, Result<T> result);
  void RefuseAll(const Error& error);
  Error EndedError() const;
  // The same error with this connection's reader.
  Error InReader(Error error) const {
    error.reader = parameters_.reader;
    return error;
  }
  static Error NotConnected(const char* name) { return Error{status::kNotConnected, name, "", ""}; }

  // Steps of the running operation. No continuation is called after it has been given up.
  template <class Continue>
  void WithTurn(const std::string& reader, Continue then);
  template <class Continue>
  void Call(backend::Call call, Continue then);
  // Calls then(Reply&) if the call succeeds; otherwise its error is the operation's.
  template <class T, class Continue>
  void CallFor(OperationOf<T>& operation, backend::Call call, Continue then);
  // With the turn, and with a stale handle reconnected; its card is handed to its owner as well, which a
  // transaction does once it has begun. If that fails, its error is the operation's.
  enum class Repair { kHandle, kHandleAndOwner };
  template <class T, class Continue>
  void WithHandle(OperationOf<T>& operation, const char* name, Repair repair, Continue then);
  void OpenHandle(std::shared_ptr<const ConnectParameters> parameters, Then then);
  void TryToConnect(std::shared_ptr<const ConnectParameters> parameters, Then then);
  // The handle is then stale until a transaction has begun or the owner has got the card.
  void ReconnectHandle(Disposition initialization, Then then);
  void RepairHandle(Repair repair, Then then);
  void BeginOnHandle(OnReset on_reset, std::function<void(Result<BeginOutcome>)> then);
  // Resets the card if another identity has used it since its last reset, and records the owner as its user.
  void HandToOwner(Then then);
  void SendApdu(const backend::Transmit& call, Then then);
  void SendNext(OperationOf<Bytes>& operation, const std::shared_ptr<pcsc_bridge::Exchange>& exchange);
  void FinishClaim(OperationOf<Claimed>& operation, const BeginOutcome& begun, bool reset_first);
  // Ends the transaction that this operation has begun, and leaves the handle stale.
  void TakeBackBegin(std::function<void()> then);
  template <class T>
  void EndAndFail(OperationOf<T>& operation, Error error);

  void NoteCall(const backend::Call& call);
  // Retires the client; its running call is undone with the disposition. A running connect keeps the turn
  // until it ends: it may be stuck in the service, and one per reader is enough.
  void RetireClient(Disposition disposition, std::function<void()> released = nullptr);
  // Gives up the running call. False if the client is lost: it is then retired, with the disposition.
  bool GiveUpCall(Disposition disposition);
  // The action on a card that is released with kLeave.
  Disposition Owed() const;
  void Drop();
  void DisconnectAndEnd(Disposition disposition);
  void FinishClosing();
  void TellClosed();

  const Parts parts_;
  std::atomic<State> state_{State::kClosed};  // written on the loop
  std::unique_ptr<backend::Client> client_;
  ConnectParameters parameters_;  // of the last connect or reconnect
  Protocols protocol_ = 0;        // the active one
  std::optional<Bytes>
      known_atr_;  // the card's, as the last status said; nothing where the card may be another one since
  bool reached_card_ = false;  // the card has answered in this transaction, or in this operation outside one

  std::deque<Handle> queue_;
  Handle current_;
  bool starting_ = false;  // inside StartNext
  // What the operation under way waits for.
  ReaderQueue::Turn turn_;
  ReaderQueue::Place place_;
  Loop::Timer pause_;
  enum class Calling { kNothing, kConnect, kOther } calling_ = Calling::kNothing;
  Disposition asked_disposition_ = Disposition::kLeave;  // of the call under way
  std::uint64_t step_ = 0;  // tells a late choice of a backend from the next operation's
  Waits waited_;            // of the operation under way
  // What has to be undone if the operation under way is cancelled.
  enum class Undo { kNothing, kConnect, kBegin } undo_ = Undo::kNothing;
  std::shared_ptr<Connection> while_closing_;  // itself, until Close has handled the card
  std::function<void()> closed_;               // null once it has come
};

template <class T>
Connection::Handle Connection::Submit(typename OperationOf<T>::Work work, Answer<T> answer) {
  const auto operation =
      std::make_shared<OperationOf<T>>(weak_from_this(), loop(), std::move(work), std::move(answer));
  Enqueue(operation);
  return operation;
}

template <class Continue>
void Connection::WithTurn(const std::string& reader, Continue then) {
  ReaderQueue& queue = ReaderQueue::OfProcess();
  if (!turn_) turn_ = queue.TryTake(reader);
  if (!turn_) {
    const auto when_it_comes = [this, then,
                                start = std::chrono::steady_clock::now()](ReaderQueue::Turn turn) {
      waited_.in_process += Waits::Since(start);
      turn_ = std::move(turn);
      place_ = {};
      const std::shared_ptr<Connection> self = shared_from_this();
      then();
    };
    turn_ = queue.Take(reader, loop(), when_it_comes, place_);
  }
  if (turn_) then();
}

template <class Continue>
void Connection::Call(backend::Call call, Continue then) {
  assert(loop()->OnThisThread() && client_ && calling_ == Calling::kNothing);
  NoteCall(call);
  client_->Start(std::move(call), [this, then = std::move(then)](backend::Outcome outcome) {
    const std::shared_ptr<Connection> self = shared_from_this();
    calling_ = Calling::kNothing;
    then(std::move(outcome));
  });
}

template <class T>
void Connection::Settle(OperationOf<T>& operation, Result<T> result) {
  const std::shared_ptr<Connection> self = shared_from_this();
  const Handle held = std::static_pointer_cast<Operation>(operation.shared_from_this());
  LeaveCurrent();
  operation.Give(std::move(result));
  StartNext();
}

template <class T>
void Connection::EndAndFail(OperationOf<T>& operation, Error error) {
  TakeBackBegin([this, &operation, error = std::move(error)] { Settle<T>(operation, error); });
}

}  // namespace pcsc_bridge
