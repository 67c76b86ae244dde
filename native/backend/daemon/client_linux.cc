#include "backend/daemon/client.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <type_traits>
#include <utility>

#include "pcsc/abi.h"

namespace pcsc_bridge::daemon {
namespace {

using namespace std::chrono_literals;

// How often, and after which pause, a connect is retried that was refused for its protocol.
constexpr int kMostMismatches = 5;
constexpr Loop::Duration kMismatchPause = 10ms;

// See Contention.
constexpr int kUnlikelyAfter = 16;
constexpr std::chrono::minutes kRemembered{1};

bool NeedsCard(const backend::Call& call) {
  return call.index() > backend::Call(backend::Connect()).index();
}

// The daemon itself waits for a transaction of another process, but another one may begin in between.
void DisconnectForGood(Link& link, const Dispose& message) {
  link.Ask(Command::kDisconnect, message, [&link, message](const Result<Link::Answer>& answer) {
    if (answer && answer.value().code == status::kSharingViolation) DisconnectForGood(link, message);
  });
}

}  // namespace

void Contention::NoteFree(Clock::time_point now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  free_in_a_row_ = now - last_free_ < kRemembered ? std::min(free_in_a_row_ + 1, kUnlikelyAfter) : 1;
  last_free_ = now;
}

void Contention::NoteHeld(Clock::time_point now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  free_in_a_row_ = 0;
  last_held_ = now;
}

bool Contention::IsUnlikely(Clock::time_point now) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return free_in_a_row_ == kUnlikelyAfter && now - last_free_ < kRemembered &&
         (!last_held_ || now - *last_held_ >= kRemembered);
}

Client::Client(std::shared_ptr<Loop> loop, std::string socket, std::shared_ptr<Contention> contention)
    : loop_(std::move(loop)), socket_(std::move(socket)), contention_(std::move(contention)) {}

Client::~Client() {
  if (retired_) return;
  const bool in_transaction = handles_.card && handles_.card->in_transaction;
  Retire(in_transaction ? Disposition::kReset : Disposition::kLeave, nullptr);
}

// --- One call at a time ---

void Client::Start(backend::Call call, backend::Answer done) {
  assert(loop_->OnThisThread() && !retired_ && !current_);
  current_ = Current{std::move(call), std::move(done)};
  if (phase_ == Phase::kIdle) Proceed();
}

Client::After Client::GiveUp() {
  if (!current_) return After::kUsable;
  current_.reset();
  switch (phase_) {
    case Phase::kAnswering:
    case Phase::kPausing:
      timer_.Stop();
      phase_ = Phase::kIdle;
      return After::kUsable;
    case Phase::kProbing:
    case Phase::kChecking:
    case Phase::kLooking:
      phase_ = Phase::kDraining;
      return After::kUsable;
    case Phase::kBeginning:
      phase_ = Phase::kDrainingBegin;
      return After::kUsable;
    case Phase::kConnecting:
    case Phase::kDisconnecting:
    case Phase::kEnding:
    case Phase::kCalling:
      return After::kLost;
    default:
      return After::kUsable;  // the call has not been made
  }
}

void Client::Retire(Disposition disposition, std::function<void()> released) {
  retired_ = true;
  timer_.Stop();
  current_.reset();
  const std::shared_ptr<Link> link = std::exchange(link_, nullptr);
  if (!link) {
    if (released) loop_->Post(std::move(released));
    return;
  }
  const Phase phase = std::exchange(phase_, Phase::kIdle);
  if (phase == Phase::kConnecting) {
    link->DropAnswers([raw = link.get(), disposition](const Result<Link::Answer>& answer) {
      if (!answer || answer.value().code != status::kSuccess) return;
      DisconnectForGood(*raw, {answer.value().As<daemon::Connect>().card, Number(disposition)});
    });
  } else if (phase == Phase::kDisconnecting) {
    link->DropAnswers();
  } else if (handles_.card) {
    // Also for kLeave: when its connection closes, pcscd resets a card that is in a transaction or
    // exclusive, and the answer shows when it has released the card.
    link->DropAnswers();
    DisconnectForGood(*link, {handles_.card->handle, Number(disposition)});
  } else {
    link->Close();  // and the daemon releases the context
  }
  link->Finish(std::move(released));
}

void Client::Proceed() {
  const backend::Call& call = current_->call;
  if (NeedsCard(call) && !handles_.card) {
    return AnswerLater(Error{status::kNotConnected, "", "", ""});
  }
  if (!link_ && !std::holds_alternative<backend::ListReaderGroups>(call)) {
    link_ = std::make_shared<Link>(loop_, socket_);
    return link_->Open(During(Phase::kOpening));
  }
  if (std::holds_alternative<backend::Connect>(call) && !handles_.number) {
    EstablishContext message;
    message.scope = abi::kScopeSystem;
    return link_->Ask(Command::kEstablishContext, message, During(Phase::kEstablishing));
  }
  if (WaitsBeforehand()) return Probe();
  Make();
}

Link::Then Client::During(Phase phase) {
  phase_ = phase;
  return [this](Result<Link::Answer>&& answer) { Settle(std::move(answer)); };
}

void Client::Settle(Result<Link::Answer>&& answer) {
  const Phase phase = std::exchange(phase_, Phase::kIdle);
  Apply(phase, answer);
  if (!current_ || phase_ != Phase::kIdle) return;
  if (phase >= Phase::kDraining) return Proceed();
  if (!answer) return Answer(InPhase(phase, answer.error()));
  const Status code = answer->code;
  // The call itself repeats what else the answer to a probe reports about the card.
  if (code != status::kSuccess && (phase != Phase::kProbing || code == status::kSharingViolation)) {
    return Refused(phase, code);
  }
  switch (phase) {
    case Phase::kOpening:
    case Phase::kEstablishing:
      return Proceed();
    case Phase::kProbing:
      return Make();
    case Phase::kChecking:
      return link_->AskReaders(During(Phase::kLooking));
    default:
      Answer(OutcomeOf(current_->call, *answer, handles_));
  }
}

void Client::Apply(Phase phase, const Result<Link::Answer>& answer) {
  const Status code = answer ? answer.value().code : status::kCommError;
  if (code == status::kSharingViolation && phase != Phase::kConnecting) contention_->NoteHeld();
  const bool succeeded = code == status::kSuccess;
  switch (phase) {
    case Phase::kOpening:
      if (succeeded) break;
      link_->Close();
      link_.reset();
      break;
    case Phase::kEstablishing:
      if (succeeded) handles_.number = answer.value().As<EstablishContext>().context;
      break;
    case Phase::kConnecting:
      if (succeeded) handles_.card = ClientHandles::Card{answer.value().As<daemon::Connect>().card};
      break;
    case Phase::kDisconnecting:
      if (succeeded) handles_.card.reset();
      break;
    case Phase::kBeginning:
      handles_.card->in_transaction = succeeded;
      if (succeeded) contention_->NoteFree();
      break;
    case Phase::kEnding:
      // The daemon does not unlock a card for a handle that has not noticed a reset.
      if (answer && code != status::kResetCard) handles_.card->in_transaction = false;
      break;
    case Phase::kDrainingBegin:
      if (succeeded) {
        link_->Ask(Command::kEndTransaction, Dispose{handles_.card->handle}, During(Phase::kDrainingEnd));
      }
      break;
    case Phase::kDrainingEnd:
      handles_.card->in_transaction = code == status::kResetCard;
      break;
    default:
      break;
  }
}

void Client::Refused(Phase phase, Status code) {
  if (code == status::kSharingViolation && HowToWait() != Waiting::kNever) return PauseAndProbe();
  // While another process resets the card it has no protocol for a moment.
  if (code == status::kProtoMismatch && std::holds_alternative<backend::Connect>(current_->call) &&
      current_->mismatches++ < kMostMismatches) {
    phase_ = Phase::kPausing;
    timer_ = loop_->After(kMismatchPause, [this] { Proceed(); });
    return;
  }
  Answer(InPhase(phase, Error{code, "", "", ""}));
}

Error Client::InPhase(Phase phase, Error error) {
  if (phase == Phase::kEstablishing) error.operation = "SCardEstablishContext";
  return error;
}

void Client::Answer(backend::Outcome outcome) {
  if (outcome) {
    outcome->waited = current_->back_off.used();
  } else {
    outcome = OfCurrent(outcome.error());
  }
  const backend::Answer done = std::move(current_->done);
  current_.reset();
  done(std::move(outcome));
}

void Client::AnswerLater(backend::Outcome outcome) {
  phase_ = Phase::kAnswering;
  timer_ = loop_->After(Loop::Duration::zero(), [this, outcome = std::move(outcome)] {
    phase_ = Phase::kIdle;
    Answer(outcome);
  });
}

Error Client::OfCurrent(Error error) const {
  if (error.operation.empty()) error.operation = KindOf(current_->call).function;
  if (const auto* const connect = std::get_if<backend::Connect>(&current_->call)) {
    error.reader = connect->reader;
  } else if (NeedsCard(current_->call) && handles_.card) {
    error.reader = handles_.card->reader;
  }
  return error;
}

// --- Waiting for the card ---

Client::Waiting Client::HowToWait() const {
  if (!handles_.card || handles_.card->in_transaction) return Waiting::kNever;
  const auto* const disconnect = std::get_if<backend::Disconnect>(&current_->call);
  if (disconnect != nullptr && disconnect->disposition == Disposition::kLeave) return Waiting::kNever;
  return KindOf(current_->call).waiting;
}

bool Client::WaitsBeforehand() const {
  const Waiting waiting = HowToWait();
  return waiting == Waiting::kBeforehand || (waiting == Waiting::kContended && !contention_->IsUnlikely());
}

void Client::Probe() {
  link_->Ask(Command::kStatus, Plain{handles_.card->handle}, During(Phase::kProbing));
}

void Client::PauseAndProbe() {
  std::function<void()> waits;
  if (!current_->back_off.used()) {
    if (const auto* const call = std::get_if<backend::Disconnect>(&current_->call)) waits = call->waits;
  }
  phase_ = Phase::kPausing;
  timer_ = loop_->After(current_->back_off.Next(), [this] { Probe(); });
  if (waits) waits();
}

// --- The calls ---

const Client::Kind& Client::KindOf(const backend::Call& call) {
  // In the order of the variant. The daemon delays a disconnect with a disposition without limit, and takes
  // 100 ms to refuse a begin: these wait beforehand.
  static constexpr Kind kKinds[] = {
      {"SCardListReaders", Phase::kLooking},
      {"SCardListReaderGroups", Phase::kAnswering},
      {"SCardIsValidContext", Phase::kLooking},
      {"SCardConnect", Phase::kConnecting, Command::kConnect},
      {"SCardReconnect", Phase::kCalling, Command::kReconnect, Waiting::kRefused},
      {"SCardDisconnect", Phase::kDisconnecting, Command::kDisconnect, Waiting::kBeforehand},
      {"SCardBeginTransaction", Phase::kBeginning, Command::kBeginTransaction, Waiting::kContended},
      {"SCardEndTransaction", Phase::kEnding, Command::kEndTransaction},
      {"SCardStatus", Phase::kChecking, Command::kStatus, Waiting::kRefused},
      {"SCardTransmit", Phase::kCalling, Command::kTransmit, Waiting::kRefused},
      {"SCardControl", Phase::kCalling, Command::kControl},
      {"SCardGetAttrib", Phase::kCalling, Command::kGetAttrib},
      {"SCardSetAttrib", Phase::kCalling, Command::kSetAttrib},
  };
  static_assert(std::size(kKinds) == std::variant_size_v<backend::Call>);
  return kKinds[call.index()];
}

void Client::Make() {
  const backend::Call& call = current_->call;
  if (std::optional<backend::Outcome> outcome = OutcomeAtOnce(call, handles_)) {
    return AnswerLater(std::move(*outcome));
  }
  const Kind& kind = KindOf(call);
  const auto ask = [this, &kind](const auto& wanted) {
    using Call = std::decay_t<decltype(wanted)>;
    if constexpr (std::is_same_v<Call, backend::Status>) {
      if (wanted.handle_works) return link_->AskReaders(During(Phase::kLooking));
    }
    if constexpr (std::is_same_v<Call, backend::ListReaders>) {
      link_->AskReaders(During(kind.phase));
    } else if constexpr (std::is_same_v<Call, backend::CheckContext>) {
      link_->AskAlive(During(kind.phase));
    } else if constexpr (!std::is_same_v<Call, backend::ListReaderGroups>) {
      link_->Ask(kind.command, MessageOf(wanted, handles_), During(kind.phase), DataOf(wanted));
    }
  };
  std::visit(ask, call);
}

}  // namespace pcsc_bridge::daemon
