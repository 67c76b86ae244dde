#include "card/connection.h"

#include <algorithm>

namespace pcsc_bridge {
namespace {

using std::chrono::microseconds;

// The pause between two attempts to connect while another program is connected exclusively: no service tells
// when that ends.
constexpr microseconds kFirstPause{500};
constexpr microseconds kLongestPause{2000};

// How long Close waits for the card's reset: it takes some milliseconds, or those that a card takes. But the
// service may hang.
constexpr std::chrono::milliseconds kClosePatience{1000};

backend::Call ConnectCall(const ConnectParameters& parameters) {
  return backend::Connect{parameters.reader, parameters.share_mode, parameters.protocols};
}

// What a call does to the card in the end, if it is abandoned.
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
  if (!ended()) Drop();
  Scope::Remove(*this);
}

void Connection::OnScopeEnd() {
  const std::shared_ptr<Connection> self = shared_from_this();
  Drop();
  RefuseAll(EndedError());
  while_closing_ = nullptr;
}

Disposition Connection::Owed() const {
  if (state_ == State::kUsed) return Disposition::kReset;
  if (state_ == State::kHeld || !parts_.owed_when_dropped) return Disposition::kLeave;
  return parts_.owed_when_dropped();
}

void Connection::Drop() {
  if (while_closing_) {
    RetireClient(asked_disposition_);
  } else if (client_) {
    RetireClient(Owed());
  }
  if (state_ != State::kAbandoned) state_ = State::kEnded;
  place_ = {};
  pause_ = {};
  turn_.Leave();
  ++step_;
}

// --- The queue of operations ---

void Connection::Enqueue(const Handle& operation) {
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
    waited_ = false;
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
  ++step_;
  if (!in_transaction()) turn_.Leave();
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
  if (!GiveUpCall(Disposition::kLeave)) state_ = State::kAbandoned;
  LeaveCurrent();
  // The caller that makes a new connection must not find this one still in use.
  held->AnswerError(CancelledError());
  if (ended()) {
    RefuseAll(EndedError());
  } else {
    StartNext();
  }
}

bool Connection::GiveUpCall(Disposition disposition) {
  const Calling calling = std::exchange(calling_, Calling::kNothing);
  if (calling == Calling::kNothing || client_->GiveUp() == backend::Client::After::kUsable) return true;
  if (disposition == Disposition::kLeave) disposition = asked_disposition_;
  if (disposition == Disposition::kLeave) disposition = Owed();
  std::function<void()> released;
  if (calling == Calling::kConnect) {
    // A connect that is stuck in the service keeps the turn until it ends: one per reader is enough.
    released = [turn = std::make_shared<ReaderQueue::Turn>(std::move(turn_))] {};
  }
  RetireClient(disposition, std::move(released));
  turn_.Leave();
  return false;
}

void Connection::RetireClient(Disposition disposition, std::function<void()> released) {
  if (!client_) {
    if (released) released();
    return;
  }
  client_->Retire(disposition, std::move(released));
  // This may be inside one of its answers.
  loop()->Post([gone = std::shared_ptr<backend::Client>(std::move(client_))] {});
  client_ = nullptr;
  known_atr_.reset();
  if (!ended()) state_ = State::kClosed;
}

// --- Steps ---

void Connection::WithTurn(const std::string& reader, std::function<void()> then) {
  if (!turn_) {
    turn_ = ReaderQueue::OfProcess().Take(
        reader, loop(),
        [this, then](ReaderQueue::Turn turn) {
          turn_ = std::move(turn);
          place_ = {};
          const std::shared_ptr<Connection> self = shared_from_this();
          then();
        },
        place_);
    if (!turn_) {
      waited_ = true;
      return;
    }
  }
  then();
}

void Connection::Call(backend::Call call, Then then) {
  calling_ = std::holds_alternative<backend::Connect>(call) ? Calling::kConnect : Calling::kOther;
  asked_disposition_ = DispositionOf(call);
  client_->Start(std::move(call), [this, then = std::move(then)](backend::Outcome outcome) {
    const std::shared_ptr<Connection> self = shared_from_this();
    calling_ = Calling::kNothing;
    then(std::move(outcome));
  });
}

void Connection::WithHandle(const char* name, std::function<void(std::optional<Error>)> then) {
  if (state_ == State::kClosed) return then(NotConnected(name));
  if (in_transaction()) return then(std::nullopt);
  WithTurn(parameters_.reader, [this, then = std::move(then)] {
    if (state_ != State::kStale) return then(std::nullopt);
    ReconnectHandle(Disposition::kLeave, [then](const backend::Outcome& outcome) {
      then(outcome ? std::nullopt : std::optional<Error>(outcome.error()));
    });
  });
}

void Connection::OpenHandle(ConnectParameters parameters, Then then) {
  RetireClient(Owed());
  const auto shared = std::make_shared<const ConnectParameters>(std::move(parameters));
  parts_.source(loop(), [weak = weak_from_this(), step = ++step_, shared,
                         then = std::move(then)](const Result<const backend::Backend*>& found) {
    const std::shared_ptr<Connection> self = weak.lock();
    if (!self || self->step_ != step) return;
    if (!found) return then(found.error());
    self->client_ = found.value()->MakeClient(self->loop());
    self->TryToConnect(shared, then);
  });
}

void Connection::TryToConnect(std::shared_ptr<const ConnectParameters> parameters, Then then) {
  const auto attempt = std::make_shared<std::function<void(microseconds)>>();
  // Holds itself weakly: the steps below hold it while they wait.
  *attempt = [this, parameters, then,
              weak = std::weak_ptr<std::function<void(microseconds)>>(attempt)](microseconds pause) {
    Call(ConnectCall(*parameters),
         [this, parameters, then, pause, again = weak.lock()](backend::Outcome outcome) {
           if (outcome) {
             state_ = State::kOpen;
             parameters_ = *parameters;
             protocol_ = outcome->protocol;
             return then(std::move(outcome));
           }
           if (outcome.code() != status::kSharingViolation || !parameters->waits_for_exclusive) {
             Error error = outcome.error();
             if (error.reader.empty()) error.reader = parameters->reader;
             RetireClient(Disposition::kLeave);
             return then(std::move(error));
           }
           // Without the turn: others of this process may not want to wait.
           turn_.Leave();
           pause_ = loop()->After(pause, [this, parameters, pause, again] {
             const std::shared_ptr<Connection> self = shared_from_this();
             WithTurn(parameters->reader,
                      [pause, again] { (*again)(std::min(pause + pause / 4, kLongestPause)); });
           });
         });
  };
  (*attempt)(kFirstPause);
}

void Connection::ReconnectHandle(Disposition initialization, Then then) {
  known_atr_.reset();
  Call(backend::Reconnect{parameters_.share_mode, parameters_.protocols, initialization},
       [this, initialization, then = std::move(then)](backend::Outcome outcome) {
         if (outcome) {
           protocol_ = outcome->protocol;
           if (state_ == State::kStale) state_ = State::kOpen;
           if (initialization != Disposition::kLeave) parts_.users->NoteReset(parameters_.reader);
         }
         then(std::move(outcome));
       });
}

void Connection::BeginOnHandle(OnReset on_reset, std::function<void(Result<BeginOutcome>)> then) {
  Call(backend::Begin{}, [this, on_reset, then = std::move(then)](const backend::Outcome& outcome) {
    if (outcome) {
      state_ = State::kHeld;
      reached_card_ = false;
      BeginOutcome begun;
      begun.handle_works = outcome.value().handle_works;
      begun.waited = waited_ || outcome.value().waited;
      return then(begun);
    }
    if (outcome.code() != status::kResetCard || on_reset != OnReset::kReconnect) return then(outcome.error());
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
  const auto note = [this] { use_ = parts_.users->Note(parameters_.reader, parts_.owner.identity); };
  if (!parts_.users->MustReset(parameters_.reader, parts_.owner)) {
    note();
    return then(backend::Reply());
  }
  ReconnectHandle(Disposition::kReset, [note, then = std::move(then)](backend::Outcome outcome) {
    if (outcome) note();
    then(std::move(outcome));
  });
}

// --- The end ---

void Connection::Close(Disposition disposition, std::function<void()> closed) {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (!closed) closed = [] {};
  if (ended()) return closed();
  const bool usable = GiveUpCall(disposition);
  std::deque<Handle> cancelled = std::exchange(queue_, {});
  if (current_) cancelled.push_front(current_);
  current_ = nullptr;
  place_ = {};
  pause_ = {};
  ++step_;
  const bool held = in_transaction();
  const bool connected = state_ != State::kClosed;
  if (disposition == Disposition::kLeave && state_ == State::kUsed) disposition = Disposition::kReset;
  state_ = State::kEnded;
  for (const Handle& operation : cancelled) operation->AnswerError(CancelledError());
  if (!usable || !connected) {
    RetireClient(Disposition::kLeave);
    turn_.Leave();
    return closed();
  }
  if (!held && disposition != Disposition::kLeave) return DisconnectAndEnd(disposition, std::move(closed));
  if (disposition != Disposition::kLeave) parts_.users->NoteReset(parameters_.reader);
  // Those who are next in line come when the service has let the card go, within the limit.
  const auto turn = std::make_shared<ReaderQueue::Turn>(std::move(turn_));
  const auto told = std::make_shared<std::function<void()>>(std::move(closed));
  const auto finish = [turn, told] {
    turn->Leave();
    if (*told) std::exchange(*told, nullptr)();
  };
  const auto limit = std::make_shared<Loop::Timer>(loop()->After(kClosePatience, finish));
  RetireClient(disposition, [finish, limit] { finish(); });
}

void Connection::DisconnectAndEnd(Disposition disposition, std::function<void()> closed) {
  while_closing_ = shared_from_this();
  const auto told = std::make_shared<std::function<void()>>(std::move(closed));
  const auto tell = [told] {
    if (*told) std::exchange(*told, nullptr)();
  };
  pause_ = loop()->After(kClosePatience, tell);
  asked_disposition_ = disposition;
  WithTurn(parameters_.reader, [this, disposition, tell] {
    Call(backend::Disconnect{disposition, tell}, [this, tell](const backend::Outcome& outcome) {
      const std::shared_ptr<Connection> self = std::exchange(while_closing_, nullptr);
      if (outcome) parts_.users->NoteReset(parameters_.reader);
      RetireClient(Disposition::kLeave);
      turn_.Leave();
      pause_ = {};
      tell();
    });
  });
  // The card is in another transaction of this process.
  if (place_) tell();
}

}  // namespace pcsc_bridge
