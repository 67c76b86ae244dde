#include "card/connection.h"

#include <algorithm>
#include <cassert>

#include "backend/back_off.h"
#include "backend/usage.h"

namespace pcsc_bridge {
namespace {

using std::chrono::steady_clock;

// How long Close waits for the card's reset. It usually takes some milliseconds, plus the time of the card,
// but the service may hang.
constexpr std::chrono::milliseconds kClosePatience{1000};

backend::Call ConnectCall(const ConnectParameters& parameters) {
  return backend::Connect{parameters.reader, parameters.share_mode, parameters.protocols};
}

// The final effect of an abandoned call on the card.
Disposition DispositionOf(const backend::Call& call) {
  if (const auto* end = std::get_if<backend::End>(&call)) return end->disposition;
  if (const auto* disconnect = std::get_if<backend::Disconnect>(&call)) return disconnect->disposition;
  if (const auto* reconnect = std::get_if<backend::Reconnect>(&call)) return reconnect->initialization;
  return Disposition::kLeave;
}

}  // namespace

void Operation::Cancel() {
  loop_->Execute([self = shared_from_this()] {
    if (const std::shared_ptr<Connection> connection = self->connection_.lock()) connection->Cancel(*self);
  });
}

std::shared_ptr<Connection> Connection::Create(Parts parts) {
  struct Shared : Connection {
    explicit Shared(Parts p) : Connection(std::move(p)) {}
  };
  return std::make_shared<Shared>(std::move(parts));
}

Connection::Connection(Parts parts) : parts_(std::move(parts)) {
  if (parts_.scope->ended()) {
    state_ = State::kEnded;
  } else {
    parts_.scope->Add(*this);
  }
}

Connection::~Connection() {
  Scope::Remove(*this);
  if (!ended()) Drop();
  RefuseAll(EndedError());
}

void Connection::OnScopeEnd() {
  const std::shared_ptr<Connection> self = shared_from_this();
  Drop();
  RefuseAll(EndedError());
  while_closing_ = nullptr;
  TellClosed();
}

Disposition Connection::Owed() const {
  if (while_closing_) return asked_disposition_;
  if (calling_ != Calling::kNothing && asked_disposition_ != Disposition::kLeave) return asked_disposition_;
  if (state_ == State::kUsed) return Disposition::kReset;
  if (state_ == State::kHeld || !parts_.owed_when_dropped) return Disposition::kLeave;
  return parts_.owed_when_dropped();
}

void Connection::Drop() {
  if (client_) RetireClient(Owed());
  if (state_ != State::kAbandoned) state_ = State::kEnded;
  place_ = {};
  pause_ = {};
  turn_.Leave();
  ++step_;
}

// --- The queue of operations ---

void Connection::Enqueue(const Handle& operation) {
  assert(loop()->OnThisThread());
  if (ended()) {
    operation->AnswerError(EndedError());
    return;
  }
  queue_.push_back(operation);
  StartNext();
}

void Connection::StartNext() {
  // A loop and not a recursion: an operation may fail as soon as it starts, and many may wait.
  if (std::exchange(starting_, true)) return;
  const std::shared_ptr<Connection> self = shared_from_this();
  while (!current_ && !queue_.empty()) {
    current_ = std::move(queue_.front());
    queue_.pop_front();
    waited_ = {};
    if (!in_transaction()) reached_card_ = false;
    const Handle running = current_;
    running->Run();
  }
  starting_ = false;
}

void Connection::LeaveCurrent() {
  current_ = nullptr;
  place_ = {};
  pause_ = {};
  calling_ = Calling::kNothing;
  undo_ = Undo::kNothing;
  ++step_;
  if (!in_transaction()) turn_.Leave();
  CheckInvariants();
}

void Connection::CheckInvariants() const {
  assert(loop()->OnThisThread());
  assert((client_ != nullptr) == (state_ != State::kClosed && !ended()));
  assert(static_cast<bool>(turn_) == in_transaction());
}

Error Connection::EndedError() const {
  const Status code = state_ == State::kAbandoned ? status::kAbandoned : status::kClosed;
  return Error{code, "connection", "", ""};
}

void Connection::RefuseAll(const Error& error) {
  std::deque<Handle> refused = std::exchange(queue_, {});
  if (current_) refused.push_front(std::exchange(current_, nullptr));
  for (const Handle& operation : refused) operation->AnswerError(error);
}

void Connection::Cancel(Operation& operation) {
  const std::shared_ptr<Connection> self = shared_from_this();
  const auto waiting =
      std::find_if(queue_.begin(), queue_.end(), [&](const Handle& one) { return one.get() == &operation; });
  if (waiting != queue_.end()) {
    const Handle held = std::move(*waiting);
    queue_.erase(waiting);
    held->AnswerError(CancelledError());
    return;
  }
  if (current_.get() != &operation) return;
  const Handle held = current_;
  if (!GiveUpCall(Disposition::kLeave)) {
    state_ = State::kAbandoned;
    ++backend::Usage::OfProcess().abandoned;
  } else if (undo_ == Undo::kConnect) {
    RetireClient(Disposition::kLeave);
  } else if (undo_ == Undo::kBegin) {
    queue_.push_front(std::make_shared<OperationOf<Done>>(
        weak_from_this(), loop(),
        [this](OperationOf<Done>& undo) { TakeBackBegin([this, &undo] { Settle<Done>(undo, Done{}); }); },
        nullptr));
  }
  LeaveCurrent();
  // A caller that makes a new connection must not find this one still in use.
  held->AnswerError(CancelledError());
  if (ended()) {
    RefuseAll(EndedError());
  } else {
    StartNext();
  }
}

bool Connection::GiveUpCall(Disposition disposition) {
  if (calling_ == Calling::kNothing) return true;
  if (client_->GiveUp() == backend::Client::After::kUsable) {
    calling_ = Calling::kNothing;
    return true;
  }
  RetireClient(disposition == Disposition::kLeave ? Owed() : disposition);
  turn_.Leave();
  return false;
}

void Connection::RetireClient(Disposition disposition, std::function<void()> released) {
  if (!client_) return;
  if (std::exchange(calling_, Calling::kNothing) == Calling::kConnect) {
    released = [turn = std::make_shared<ReaderQueue::Turn>(std::move(turn_))] {};
  }
  const std::shared_ptr<backend::Client> client = std::move(client_);
  client_ = nullptr;
  known_atr_.reset();
  if (!ended()) state_ = State::kClosed;
  client->Retire(disposition, std::move(released));
  // This may be inside one of its answers.
  loop()->Post([client] {});
}

// --- Steps ---

void Connection::NoteCall(const backend::Call& call) {
  calling_ = std::holds_alternative<backend::Connect>(call) ? Calling::kConnect : Calling::kOther;
  asked_disposition_ = DispositionOf(call);
}

void Connection::OpenHandle(std::shared_ptr<const ConnectParameters> parameters, Then then) {
  RetireClient(Owed());
  undo_ = Undo::kConnect;
  parts_.provider(loop(), [weak = weak_from_this(), step = ++step_, parameters = std::move(parameters),
                           then = std::move(then)](const Result<const backend::Backend*>& found) {
    const std::shared_ptr<Connection> self = weak.lock();
    if (!self || self->step_ != step) return;
    if (!found) return then(found.error());
    self->client_ = found.value()->MakeClient(self->loop());
    self->TryToConnect(parameters, then);
  });
}

void Connection::TryToConnect(std::shared_ptr<const ConnectParameters> parameters, Then then) {
  const auto attempt = std::make_shared<std::function<void(backend::BackOff)>>();
  // Holds itself weakly: the steps below hold it while they wait.
  *attempt = [this, parameters, then, weak = std::weak_ptr<std::function<void(backend::BackOff)>>(attempt)](
                 backend::BackOff back_off) {
    Call(ConnectCall(*parameters),
         [this, parameters, then, back_off, again = weak.lock()](backend::Outcome outcome) {
           if (outcome) {
             state_ = State::kStale;  // until its owner has got the card
             parameters_ = *parameters;
             protocol_ = outcome->protocol;
             return then(std::move(outcome));
           }
           if (outcome.code() != status::kSharingViolation || !parameters->waits_for_exclusive) {
             Error error = outcome.error();
             // What fails before SCardConnect, such as SCardEstablishContext, concerns no reader.
             if (error.operation == "SCardConnect" && error.reader.empty()) error.reader = parameters->reader;
             RetireClient(Disposition::kLeave);
             return then(std::move(error));
           }
           // Without the turn: other callers of this process may not want to wait.
           turn_.Leave();
           backend::BackOff later = back_off;
           const Loop::Duration pause = later.Next();
           pause_ = loop()->After(pause, [this, parameters, later, again, start = steady_clock::now()] {
             const std::shared_ptr<Connection> self = shared_from_this();
             waited_.elsewhere += Waits::Since(start);
             WithTurn(parameters->reader, [later, again] { (*again)(later); });
           });
         });
  };
  (*attempt)(backend::BackOff());
}

void Connection::ReconnectHandle(Disposition initialization, Then then) {
  known_atr_.reset();
  Call(backend::Reconnect{parameters_.share_mode, parameters_.protocols, initialization},
       [this, initialization, then = std::move(then)](backend::Outcome outcome) {
         if (outcome) {
           protocol_ = outcome->protocol;
           if (!in_transaction()) state_ = State::kStale;
           if (initialization != Disposition::kLeave) parts_.users->NoteReset(parameters_.reader);
         }
         then(std::move(outcome));
       });
}

void Connection::RepairHandle(Repair repair, Then then) {
  ReconnectHandle(Disposition::kLeave, [this, repair, then = std::move(then)](backend::Outcome outcome) {
    if (!outcome || repair == Repair::kHandle || in_transaction()) return then(std::move(outcome));
    HandToOwner(then);
  });
}

void Connection::BeginOnHandle(OnReset on_reset, std::function<void(Result<BeginOutcome>)> then) {
  Call(backend::Begin{}, [this, on_reset, then = std::move(then),
                          start = steady_clock::now()](const backend::Outcome& outcome) {
    if (outcome) {
      state_ = State::kHeld;
      if (undo_ == Undo::kNothing) undo_ = Undo::kBegin;
      reached_card_ = false;
      BeginOutcome begun;
      begun.handle_works = outcome.value().handle_works;
      if (outcome.value().waited) waited_.elsewhere += Waits::Since(start);
      begun.waited = waited_;
      return then(begun);
    }
    if (outcome.code() != status::kResetCard) return then(outcome.error());
    if (on_reset == OnReset::kFail) {
      state_ = State::kStale;
      return then(outcome.error());
    }
    ReconnectHandle(Disposition::kLeave, [this, then](const backend::Outcome& reconnected) {
      if (!reconnected) return then(reconnected.error());
      BeginOnHandle(OnReset::kFail, [then](Result<BeginOutcome> begun) {
        if (begun) begun->card_was_reset = true;
        then(std::move(begun));
      });
    });
  });
}

void Connection::HandToOwner(Then then) {
  const auto note = [this] {
    parts_.users->Note(parameters_.reader, parts_.owner.identity);
    if (state_ == State::kStale) state_ = State::kOpen;
  };
  if (!parts_.users->MustReset(parameters_.reader, parts_.owner)) {
    note();
    return then(backend::Reply());
  }
  ReconnectHandle(Disposition::kReset, [note, then = std::move(then)](backend::Outcome outcome) {
    if (outcome) note();
    then(std::move(outcome));
  });
}

void Connection::TakeBackBegin(std::function<void()> then) {
  Call(backend::End{Disposition::kLeave}, [this, then = std::move(then)](const backend::Outcome& ended) {
    state_ = State::kStale;
    if (!ended) RetireClient(Disposition::kReset);
    then();
  });
}

// --- The end ---

void Connection::Close(Disposition disposition, std::function<void()> closed) {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (ended()) {
    if (closed) closed();
    return;
  }
  (void)GiveUpCall(disposition);
  const bool held = in_transaction();
  const bool connected = state_ != State::kClosed;
  if (disposition == Disposition::kLeave && state_ == State::kUsed) disposition = Disposition::kReset;
  if (!connected) RetireClient(Disposition::kLeave);
  state_ = State::kEnded;
  place_ = {};
  pause_ = {};
  ++step_;
  asked_disposition_ = disposition;
  closed_ = std::move(closed);
  while_closing_ = self;
  RefuseAll(CancelledError());
  if (!while_closing_) return;  // one of the answers has ended the scope
  if (!connected) return FinishClosing();
  if (!held && disposition != Disposition::kLeave) return DisconnectAndEnd(disposition);
  // The next ones in the queue continue when the service has released the card, within the limit. The
  // client's captures must not need the loop: it may outlive it.
  pause_ = loop()->After(kClosePatience, [this] { FinishClosing(); });
  RetireClient(disposition, [weak = weak_from_this(), disposition] {
    const std::shared_ptr<Connection> closing = weak.lock();
    if (!closing) return;
    if (disposition != Disposition::kLeave && closing->turn_) {
      closing->parts_.users->NoteReset(closing->parameters_.reader);
    }
    closing->FinishClosing();
  });
}

void Connection::DisconnectAndEnd(Disposition disposition) {
  pause_ = loop()->After(kClosePatience, [this] { TellClosed(); });
  WithTurn(parameters_.reader, [this, disposition] {
    Call(backend::Disconnect{disposition, [this] { TellClosed(); }}, [this](const backend::Outcome& outcome) {
      if (outcome) {
        parts_.users->NoteReset(parameters_.reader);
      } else {
        parts_.users->NoteFailedReset(parameters_.reader);
      }
      RetireClient(Disposition::kLeave);
      FinishClosing();
    });
  });
  // The card is in another transaction of this process.
  if (place_) TellClosed();
}

void Connection::FinishClosing() {
  const std::shared_ptr<Connection> self = std::exchange(while_closing_, nullptr);
  if (!self) return;
  turn_.Leave();
  pause_ = {};
  TellClosed();
}

void Connection::TellClosed() {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (closed_) std::exchange(closed_, nullptr)();
}

}  // namespace pcsc_bridge
