#include "backend/daemon/client.h"

#include <algorithm>
#include <utility>

#include "pcsc/abi.h"

namespace pcsc_bridge::daemon {
namespace {

using namespace std::chrono_literals;

// Between two questions whether another process still has the card.
constexpr Loop::Duration kFirstPause = 500us;
constexpr Loop::Duration kLongestPause = 2ms;
Loop::Duration Longer(Loop::Duration pause) {
  return std::clamp<Loop::Duration>(pause + pause / 4, kFirstPause, kLongestPause);
}

// How often, and how long between, a connect is tried again that was refused for its protocol.
constexpr int kMostMismatches = 5;
constexpr Loop::Duration kMismatchPause = 10ms;

constexpr char kAllReaders[] = "SCard$DefaultReaders";  // pcsc-lite's one group
// Every response to an APDU ends with SW1 and SW2.
constexpr std::size_t kStatusWordSize = 2;

bool NeedsCard(const backend::Call& call) {
  return call.index() > backend::Call(backend::Connect()).index();
}

Protocols FromDaemon(std::uint32_t protocols) {
  return protocols & (kT0 | kT1 | kRaw);
}

CardState StateOf(std::uint32_t bits) {
  // Bit n stands for the enumeration's value n; the highest one says most.
  for (std::uint32_t value = 6; value > 0; --value) {
    if ((bits & (1u << value)) != 0) return static_cast<CardState>(value);
  }
  return CardState::kUnknown;
}

template <class Enum>
std::uint32_t Number(Enum value) {
  return static_cast<std::uint32_t>(value);
}

// The daemon waits for a transaction of another process itself, but another one may come between.
void DisconnectForGood(Link& link, const Dispose& message) {
  link.Ask(Command::kDisconnect, message, [&link, message](const Result<Link::Answer>& answer) {
    if (answer && answer.value().code == status::kSharingViolation) DisconnectForGood(link, message);
  });
}

}  // namespace

Client::Client(std::shared_ptr<Loop> loop, std::string socket)
    : loop_(std::move(loop)), socket_(std::move(socket)) {}

Client::~Client() {
  if (!retired_) Retire(card_ && card_->in_transaction ? Disposition::kReset : Disposition::kLeave, nullptr);
}

// --- One call at a time ---

template <class Then>
auto Client::During(Phase phase, Then then) {
  phase_ = phase;
  return [this, then = std::move(then)](Result<Link::Answer>&& answer) {
    if (Settle(answer)) then(*answer);
  };
}

template <class Message>
void Client::Ask(Phase phase, Command command, const Message& message) {
  link_->Ask(command, message, During(phase, [this](const Link::Answer&) { Answer(backend::Reply()); }));
}

void Client::Start(backend::Call call, backend::Answer done) {
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
  } else if (card_) {
    // Also to leave it: pcscd resets a card that is in a transaction or exclusive when its connection closes,
    // and the answer shows when it has let go.
    link->DropAnswers();
    DisconnectForGood(*link, {card_->handle, Number(disposition)});
  } else {
    link->Close();  // and the daemon releases the context
  }
  link->Finish(std::move(released));
}

void Client::Proceed() {
  const backend::Call& call = current_->call;
  if (NeedsCard(call) && !card_) {
    return AnswerLater(ErrorOf(status::kInvalidHandle, "no card is connected"));
  }
  if (!link_ && !std::holds_alternative<backend::ListReaderGroups>(call)) return Open();
  if (std::holds_alternative<backend::Connect>(call) && !context_) return Establish();
  if (HowToWait() == Waiting::kBeforehand) return Probe();
  Make();
}

void Client::Open() {
  link_ = std::make_shared<Link>(loop_, socket_);
  link_->Open(During(Phase::kOpening, [this](const Link::Answer&) { Proceed(); }));
}

void Client::Establish() {
  EstablishContext message;
  message.scope = abi::kScopeSystem;
  link_->Ask(Command::kEstablishContext, message,
             During(Phase::kEstablishing, [this](const Link::Answer&) { Proceed(); }));
}

bool Client::Settle(const Result<Link::Answer>& answer) {
  const Status code = answer ? answer.value().code : status::kCommError;
  const bool succeeded = code == status::kSuccess;
  const Phase phase = std::exchange(phase_, Phase::kIdle);
  // First what has changed even if the call was given up.
  switch (phase) {
    case Phase::kOpening:
      if (succeeded) break;
      link_->Close();
      link_.reset();
      break;
    case Phase::kEstablishing:
      if (succeeded) context_ = answer.value().As<EstablishContext>().context;
      break;
    case Phase::kConnecting:
      if (!succeeded) break;
      card_ = std::move(connecting_);
      card_->handle = answer.value().As<daemon::Connect>().card;
      card_->protocol = answer.value().As<daemon::Connect>().active_protocol;
      break;
    case Phase::kDisconnecting:
      if (succeeded) card_.reset();
      break;
    case Phase::kBeginning:
      card_->in_transaction = succeeded;
      break;
    case Phase::kEnding:
      // The daemon does not unlock a card for a handle that has not noticed a reset.
      if (answer && code != status::kResetCard) card_->in_transaction = false;
      break;
    case Phase::kDrainingBegin:
      if (!succeeded) break;
      Ask(Phase::kDrainingEnd, Command::kEndTransaction, Dispose{card_->handle});
      return false;
    case Phase::kDrainingEnd:
      card_->in_transaction = code == status::kResetCard;
      break;
    default:
      break;
  }
  if (!current_) return false;
  if (phase >= Phase::kDraining) {
    Proceed();
  } else if (!answer) {
    Answer(ErrorOf(answer.error()));
  } else if (succeeded || (phase == Phase::kProbing && code != status::kSharingViolation)) {
    // What else the answer to a probe says about the card, the call itself says again.
    return true;
  } else if (phase == Phase::kEstablishing) {
    Answer(ErrorOf(Error{code, "SCardEstablishContext", "", ""}));
  } else {
    Refused(code);
  }
  return false;
}

void Client::Refused(Status code) {
  if (code == status::kSharingViolation && HowToWait() != Waiting::kNever) return PauseAndProbe();
  // While another process resets the card it has no protocol for a moment.
  if (code == status::kProtoMismatch && std::holds_alternative<backend::Connect>(current_->call) &&
      current_->mismatches++ < kMostMismatches) {
    phase_ = Phase::kPausing;
    timer_ = loop_->After(kMismatchPause, [this] { Proceed(); });
    return;
  }
  Answer(ErrorOf(code));
}

void Client::Answer(backend::Outcome outcome) {
  if (outcome) outcome->waited = current_->pause.count() > 0;
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

Error Client::ErrorOf(Error error) const {
  if (error.operation.empty()) error.operation = TraitsOf(current_->call).function;
  if (const auto* const connect = std::get_if<backend::Connect>(&current_->call)) {
    error.reader = connect->reader;
  } else if (NeedsCard(current_->call) && card_) {
    error.reader = card_->reader;
  }
  return error;
}

Error Client::ErrorOf(Status code, std::string detail) const {
  return ErrorOf(Error{code, "", "", std::move(detail)});
}

// --- Waiting for the card ---

const Client::Traits& Client::TraitsOf(const backend::Call& call) {
  // In the order of the variant.
  static constexpr Traits kTraits[] = {{"SCardListReaders"},
                                       {"SCardListReaderGroups"},
                                       {"SCardIsValidContext"},
                                       {"SCardConnect"},
                                       {"SCardReconnect", Waiting::kAsRefused},
                                       {"SCardDisconnect", Waiting::kBeforehand},
                                       {"SCardBeginTransaction", Waiting::kBeforehand},
                                       {"SCardEndTransaction"},
                                       {"SCardStatus", Waiting::kAsRefused},
                                       {"SCardTransmit", Waiting::kAsRefused},
                                       {"SCardControl"},
                                       {"SCardGetAttrib"},
                                       {"SCardSetAttrib"}};
  static_assert(std::size(kTraits) == std::variant_size_v<backend::Call>);
  return kTraits[call.index()];
}

// The daemon takes 100 ms to refuse a begin, and holds a disconnect with a disposition back without limit:
// these are asked for when the card is free.
Client::Waiting Client::HowToWait() const {
  if (!card_ || card_->in_transaction) return Waiting::kNever;
  const auto* const disconnect = std::get_if<backend::Disconnect>(&current_->call);
  if (disconnect != nullptr && disconnect->disposition == Disposition::kLeave) return Waiting::kNever;
  return TraitsOf(current_->call).waiting;
}

void Client::Probe() {
  link_->Ask(Command::kStatus, Plain{card_->handle},
             During(Phase::kProbing, [this](const Link::Answer&) { Make(); }));
}

void Client::PauseAndProbe() {
  std::function<void()> waits;
  if (current_->pause.count() == 0) {
    if (const auto* const call = std::get_if<backend::Disconnect>(&current_->call)) waits = call->waits;
  }
  current_->pause = Longer(current_->pause);
  phase_ = Phase::kPausing;
  timer_ = loop_->After(current_->pause, [this] { Probe(); });
  if (waits) waits();
}

// --- The calls ---

void Client::Make() {
  std::visit([this](const auto& wanted) { Make(wanted); }, current_->call);
}

void Client::Make(const backend::ListReaders&) {
  link_->AskReaders(During(Phase::kLooking, [this](const Link::Answer& answer) {
    backend::Reply reply;
    for (const ReaderState& reader : TableIn(answer.data)) reply.names.emplace_back(NameOf(reader));
    Answer(std::move(reply));
  }));
}

void Client::Make(const backend::ListReaderGroups&) {
  backend::Reply reply;
  reply.names = {kAllReaders};
  AnswerLater(std::move(reply));
}

void Client::Make(const backend::CheckContext&) {
  link_->AskAlive(During(Phase::kLooking, [this](const Link::Answer&) { Answer(backend::Reply()); }));
}

void Client::Make(const backend::Connect& call) {
  if (call.reader.size() >= kNameSize) return AnswerLater(ErrorOf(status::kUnknownReader));
  daemon::Connect message;
  message.context = *context_;
  std::copy(call.reader.begin(), call.reader.end(), message.reader);
  message.share_mode = Number(call.share_mode);
  message.protocols = call.protocols;
  connecting_ = Card{0, call.reader, call.share_mode, 0, false};
  link_->Ask(Command::kConnect, message,
             During(Phase::kConnecting, [this](const Link::Answer&) { AnswerProtocol(); }));
}

void Client::Make(const backend::Reconnect& call) {
  const daemon::Reconnect message{card_->handle, Number(call.share_mode), call.protocols,
                                  Number(call.initialization)};
  link_->Ask(Command::kReconnect, message, During(Phase::kCalling, [this](const Link::Answer& answer) {
               card_->share_mode = std::get<backend::Reconnect>(current_->call).share_mode;
               card_->protocol = answer.As<daemon::Reconnect>().active_protocol;
               AnswerProtocol();
             }));
}

void Client::AnswerProtocol() {
  backend::Reply reply;
  if (card_->share_mode != ShareMode::kDirect) reply.protocol = FromDaemon(card_->protocol);
  Answer(std::move(reply));
}

void Client::Make(const backend::Disconnect& call) {
  Ask(Phase::kDisconnecting, Command::kDisconnect, Dispose{card_->handle, Number(call.disposition)});
}

void Client::Make(const backend::Begin&) {
  // An end that was refused may have left the lock to this handle.
  if (card_->in_transaction) return AnswerLater(backend::Reply());
  link_->Ask(Command::kBeginTransaction, Plain{card_->handle},
             During(Phase::kBeginning, [this](const Link::Answer&) {
               backend::Reply reply;
               reply.handle_works = true;
               Answer(std::move(reply));
             }));
}

void Client::Make(const backend::End& call) {
  Ask(Phase::kEnding, Command::kEndTransaction, Dispose{card_->handle, Number(call.disposition)});
}

void Client::Make(const backend::Status&) {
  link_->Ask(Command::kStatus, Plain{card_->handle}, During(Phase::kLooking, [this](const Link::Answer&) {
               link_->AskReaders(During(Phase::kLooking, [this](const Link::Answer& answer) {
                 AnswerStatus(TableIn(answer.data));
               }));
             }));
}

void Client::AnswerStatus(const ReaderTable& table) {
  const ReaderState* const reader = Find(table, card_->reader);
  if (reader == nullptr) return Answer(ErrorOf(status::kReaderUnavailable));
  backend::Reply reply;
  reply.status.state = StateOf(reader->state);
  reply.status.protocol = FromDaemon(reader->protocol);
  reply.status.atr.assign(reader->atr, reader->atr + AtrLength(*reader));
  Answer(std::move(reply));
}

void Client::Make(const backend::Transmit& call) {
  if (call.apdu->bytes().size() > abi::kMaxExtendedBuffer) {
    return AnswerLater(ErrorOf(status::kInsufficientBuffer, "the command is longer than pcscd takes"));
  }
  daemon::Transmit message{card_->handle, card_->protocol};
  message.send_length = static_cast<std::uint32_t>(call.apdu->bytes().size());
  const auto then = [this](Link::Answer& answer) {
    // Some drivers call it a success when the card went away instead of answering.
    if (answer.data.size() < kStatusWordSize && card_->protocol != kRaw) {
      return Answer(ErrorOf(status::kCommDataLost, "no status word came: the card may have been taken out"));
    }
    AnswerBytes(std::move(answer.data));
  };
  link_->Ask(Command::kTransmit, message, During(Phase::kCalling, then), call.apdu);
}

void Client::Make(const backend::Control& call) {
  const std::size_t size = call.input ? call.input->bytes().size() : 0;
  if (size > abi::kMaxExtendedBuffer) {
    return AnswerLater(ErrorOf(status::kInsufficientBuffer, "the input is longer than pcscd takes"));
  }
  const auto then = [this](Link::Answer& answer) { AnswerBytes(std::move(answer.data)); };
  link_->Ask(Command::kControl, daemon::Control{card_->handle, call.code, static_cast<std::uint32_t>(size)},
             During(Phase::kCalling, then), call.input);
}

void Client::Make(const backend::GetAttribute& call) {
  Attribute message{card_->handle, call.id};
  message.length = kAttributeSize;
  link_->Ask(Command::kGetAttrib, message, During(Phase::kCalling, [this](const Link::Answer& answer) {
               const auto attribute = answer.As<Attribute>();
               const std::size_t length = std::min<std::size_t>(attribute.length, kAttributeSize);
               AnswerBytes(Bytes(attribute.value, attribute.value + length));
             }));
}

void Client::AnswerBytes(Bytes bytes) {
  backend::Reply reply;
  reply.bytes = std::move(bytes);
  Answer(std::move(reply));
}

void Client::Make(const backend::SetAttribute& call) {
  if (call.value.size() > kAttributeSize) {
    return AnswerLater(ErrorOf(status::kInsufficientBuffer, "pcscd takes attributes of 264 bytes at most"));
  }
  Attribute message{card_->handle, call.id};
  message.length = static_cast<std::uint32_t>(call.value.size());
  std::copy(call.value.begin(), call.value.end(), message.value);
  Ask(Phase::kCalling, Command::kSetAttrib, message);
}

}  // namespace pcsc_bridge::daemon
