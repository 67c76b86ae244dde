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

const char* OperationOf(const backend::Call& call) {
  // In the order of the variant.
  static constexpr const char* kNames[] = {
      "SCardListReaders", "SCardListReaderGroups", "SCardIsValidContext", "SCardConnect", "SCardReconnect",
      "SCardDisconnect",  "SCardBeginTransaction", "SCardEndTransaction", "SCardStatus",  "SCardTransmit",
      "SCardControl",     "SCardGetAttrib",        "SCardSetAttrib"};
  static_assert(std::size(kNames) == std::variant_size_v<backend::Call>);
  return kNames[call.index()];
}

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

// The daemon waits for a transaction of another process itself, but another one may come between.
void DisconnectForGood(Link& link, const Dispose& message) {
  link.Ask(Command::kDisconnect, message, [&link, message](const Result<Dispose>& answer) {
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
  Dispose message;
  message.disposition = static_cast<std::uint32_t>(disposition);
  if (card_) message.card = card_->handle;
  switch (std::exchange(phase_, Phase::kIdle)) {
    case Phase::kConnecting:
      link->DropAnswers([raw = link.get(), message](const Result<Link::Answer>& answer) mutable {
        const Result<daemon::Connect> connected = Link::Typed<daemon::Connect>(answer);
        if (!connected || connected.value().code != status::kSuccess) return;
        message.card = connected.value().card;
        DisconnectForGood(*raw, message);
      });
      break;
    case Phase::kDisconnecting:
      link->DropAnswers();
      break;
    case Phase::kBeginning:
    case Phase::kDrainingBegin:
    case Phase::kCalling:
      link->DropAnswers();
      DisconnectForGood(*link, message);
      break;
    default:
      if (card_) {
        // Also to leave it: pcscd resets a card that is in a transaction or exclusive when its connection
        // closes, and the answer shows when it has let go.
        link->DropAnswers();
        DisconnectForGood(*link, message);
      } else {
        link->Close();  // and the daemon releases the context
      }
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
  if (WaitsInDaemon()) return Probe();
  std::visit([this](const auto& wanted) { Make(wanted); }, call);
}

void Client::Open() {
  phase_ = Phase::kOpening;
  link_ = std::make_shared<Link>(loop_, socket_);
  link_->Open([this](const Result<Done>& opened) {
    phase_ = Phase::kIdle;
    if (!opened) {
      link_->Close();
      link_.reset();
    }
    if (!current_) return;
    if (!opened) return Answer(ErrorOf(opened.error()));
    Proceed();
  });
}

void Client::Establish() {
  phase_ = Phase::kEstablishing;
  EstablishContext message;
  message.scope = abi::kScopeSystem;
  link_->Ask(Command::kEstablishContext, message, [this](const Result<EstablishContext>& answer) {
    phase_ = Phase::kIdle;
    if (answer && answer.value().code == status::kSuccess) context_ = answer.value().context;
    if (!current_) return;
    if (!answer) return Answer(ErrorOf(answer.error()));
    if (!context_) return Answer(ErrorOf(Error{answer.value().code, "SCardEstablishContext", "", ""}));
    Proceed();
  });
}

template <class Then>
auto Client::During(Phase phase, Then then) {
  phase_ = phase;
  return [this, then = std::move(then)](auto&&... answer) {
    if (std::exchange(phase_, Phase::kIdle) == Phase::kDraining) {
      if (current_) Proceed();
    } else {
      then(std::forward<decltype(answer)>(answer)...);
    }
  };
}

template <class Message>
bool Client::Succeeded(const Result<Message>& answer) {
  if (!current_) return false;
  if (!answer) {
    Answer(ErrorOf(answer.error()));
    return false;
  }
  const Status code = answer.value().code;
  if (code == status::kSuccess) return true;
  if (code == status::kSharingViolation && WaitsForOthers()) {
    PauseAndProbe();
  } else {
    Answer(ErrorOf(code));
  }
  return false;
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
  if (error.operation.empty()) error.operation = OperationOf(current_->call);
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

// The daemon takes 100 ms to refuse a begin, and holds a disconnect with a disposition back without limit:
// these are asked for when the card is free.
bool Client::WaitsInDaemon() const {
  if (!card_ || card_->in_transaction) return false;
  if (std::holds_alternative<backend::Begin>(current_->call)) return true;
  const auto* const disconnect = std::get_if<backend::Disconnect>(&current_->call);
  return disconnect != nullptr && disconnect->disposition != Disposition::kLeave;
}

bool Client::WaitsForOthers() const {
  if (!card_ || card_->in_transaction) return false;
  const backend::Call& call = current_->call;
  return WaitsInDaemon() || std::holds_alternative<backend::Status>(call) ||
         std::holds_alternative<backend::Transmit>(call) || std::holds_alternative<backend::Reconnect>(call);
}

// Whatever else the answer says about the card, the call itself says it again.
void Client::Probe() {
  Plain message;
  message.card = card_->handle;
  link_->Ask(Command::kStatus, message, During(Phase::kProbing, [this](const Result<Plain>& answer) {
               if (!answer) return Answer(ErrorOf(answer.error()));
               if (answer.value().code == status::kSharingViolation) return PauseAndProbe();
               std::visit([this](const auto& wanted) { Make(wanted); }, current_->call);
             }));
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

void Client::Make(const backend::ListReaders&) {
  link_->AskReaders(During(Phase::kLooking, [this](const Result<ReaderTable>& table) {
    if (!table) return Answer(ErrorOf(table.error()));
    backend::Reply reply;
    for (const ReaderState& reader : table.value()) reply.names.emplace_back(NameOf(reader));
    Answer(std::move(reply));
  }));
}

void Client::Make(const backend::ListReaderGroups&) {
  backend::Reply reply;
  reply.names = {kAllReaders};
  AnswerLater(std::move(reply));
}

void Client::Make(const backend::CheckContext&) {
  link_->AskAlive(During(Phase::kLooking, [this](const Result<Done>& alive) {
    Answer(alive ? backend::Outcome(backend::Reply()) : ErrorOf(alive.error()));
  }));
}

void Client::Make(const backend::Connect& call) {
  if (call.reader.size() >= kNameSize) return AnswerLater(ErrorOf(status::kUnknownReader));
  daemon::Connect message;
  message.context = *context_;
  std::copy(call.reader.begin(), call.reader.end(), message.reader);
  message.share_mode = static_cast<std::uint32_t>(call.share_mode);
  message.protocols = call.protocols;
  connecting_ = Card{0, call.reader, call.share_mode, 0, false};
  link_->Ask(Command::kConnect, message,
             During(Phase::kConnecting, [this](const Result<daemon::Connect>& answer) {
               // While another process resets the card it has no protocol for a moment.
               if (answer && answer.value().code == status::kProtoMismatch && current_ &&
                   current_->mismatches++ < kMostMismatches) {
                 phase_ = Phase::kPausing;
                 timer_ = loop_->After(kMismatchPause, [this] { Proceed(); });
                 return;
               }
               // Also if the call was given up: the card is to be disconnected then.
               if (answer && answer.value().code == status::kSuccess) {
                 card_ = std::move(connecting_);
                 card_->handle = answer.value().card;
                 card_->protocol = answer.value().active_protocol;
               }
               if (Succeeded(answer)) AnswerProtocol();
             }));
}

void Client::AnswerProtocol() {
  backend::Reply reply;
  if (card_->share_mode != ShareMode::kDirect) reply.protocol = FromDaemon(card_->protocol);
  Answer(std::move(reply));
}

void Client::Make(const backend::Reconnect& call) {
  daemon::Reconnect message;
  message.card = card_->handle;
  message.share_mode = static_cast<std::uint32_t>(call.share_mode);
  message.protocols = call.protocols;
  message.initialization = static_cast<std::uint32_t>(call.initialization);
  link_->Ask(Command::kReconnect, message,
             During(Phase::kCalling, [this, mode = call.share_mode](const Result<daemon::Reconnect>& answer) {
               if (answer && answer.value().code == status::kSuccess) {
                 card_->share_mode = mode;
                 card_->protocol = answer.value().active_protocol;
               }
               if (Succeeded(answer)) AnswerProtocol();
             }));
}

void Client::Make(const backend::Disconnect& call) {
  Dispose message;
  message.card = card_->handle;
  message.disposition = static_cast<std::uint32_t>(call.disposition);
  link_->Ask(Command::kDisconnect, message,
             During(Phase::kDisconnecting, [this](const Result<Dispose>& answer) {
               if (answer && answer.value().code == status::kSuccess) card_.reset();
               if (Succeeded(answer)) Answer(backend::Reply());
             }));
}

void Client::Make(const backend::Begin&) {
  // An end that was refused may have left the lock to this handle.
  if (card_->in_transaction) return AnswerLater(backend::Reply());
  Plain message;
  message.card = card_->handle;
  phase_ = Phase::kBeginning;
  link_->Ask(Command::kBeginTransaction, message, [this](const Result<Plain>& answer) {
    const bool given_up = std::exchange(phase_, Phase::kIdle) == Phase::kDrainingBegin;
    card_->in_transaction = answer && answer.value().code == status::kSuccess;
    if (given_up) return EndLateTransaction();
    if (!Succeeded(answer)) return;
    backend::Reply reply;
    reply.handle_works = true;
    Answer(std::move(reply));
  });
}

void Client::EndLateTransaction() {
  if (!card_->in_transaction) {
    if (current_) Proceed();
    return;
  }
  card_->in_transaction = false;
  Dispose message;
  message.card = card_->handle;
  phase_ = Phase::kDraining;
  link_->Ask(Command::kEndTransaction, message, [this](const Result<Dispose>& answer) {
    phase_ = Phase::kIdle;
    card_->in_transaction = answer && answer.value().code == status::kResetCard;
    if (current_) Proceed();
  });
}

void Client::Make(const backend::End& call) {
  Dispose message;
  message.card = card_->handle;
  message.disposition = static_cast<std::uint32_t>(call.disposition);
  link_->Ask(Command::kEndTransaction, message,
             During(Phase::kCalling, [this](const Result<Dispose>& answer) {
               // The daemon does not unlock a card for a handle that has not noticed a reset.
               if (answer && answer.value().code != status::kResetCard) card_->in_transaction = false;
               if (Succeeded(answer)) Answer(backend::Reply());
             }));
}

void Client::Make(const backend::Status&) {
  Plain message;
  message.card = card_->handle;
  link_->Ask(Command::kStatus, message, During(Phase::kLooking, [this](const Result<Plain>& answer) {
               if (!Succeeded(answer)) return;
               link_->AskReaders(During(Phase::kLooking, [this](const Result<ReaderTable>& table) {
                 if (!table) return Answer(ErrorOf(table.error()));
                 GiveStatus(table.value());
               }));
             }));
}

void Client::GiveStatus(const ReaderTable& table) {
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
  daemon::Transmit message;
  message.card = card_->handle;
  message.send_protocol = card_->protocol;
  message.send_pci_length = sizeof(abi::IoRequest);
  message.send_length = static_cast<std::uint32_t>(call.apdu->bytes().size());
  message.receive_protocol = abi::kProtocolT0 | abi::kProtocolT1;
  message.receive_pci_length = sizeof(abi::IoRequest);
  message.receive_length = abi::kMaxExtendedBuffer;
  link_->AskWithData(Command::kTransmit, message, call.apdu,
                     During(Phase::kCalling, [this](const Result<daemon::Transmit>& answer, Bytes response) {
                       if (!Succeeded(answer)) return;
                       // Some drivers call it a success when the card went away instead of answering.
                       if (response.size() < kStatusWordSize && card_->protocol != kRaw) {
                         return Answer(ErrorOf(status::kCommDataLost,
                                               "no status word came: the card may have been taken out"));
                       }
                       backend::Reply reply;
                       reply.bytes = std::move(response);
                       Answer(std::move(reply));
                     }));
}

void Client::Make(const backend::Control& call) {
  const std::size_t size = call.input ? call.input->bytes().size() : 0;
  if (size > abi::kMaxExtendedBuffer) {
    return AnswerLater(ErrorOf(status::kInsufficientBuffer, "the input is longer than pcscd takes"));
  }
  daemon::Control message;
  message.card = card_->handle;
  message.control_code = call.code;
  message.send_length = static_cast<std::uint32_t>(size);
  message.receive_size = abi::kMaxExtendedBuffer;
  link_->AskWithData(Command::kControl, message, call.input,
                     During(Phase::kCalling, [this](const Result<daemon::Control>& answer, Bytes output) {
                       if (!Succeeded(answer)) return;
                       backend::Reply reply;
                       reply.bytes = std::move(output);
                       Answer(std::move(reply));
                     }));
}

void Client::Make(const backend::GetAttribute& call) {
  Attribute message;
  message.card = card_->handle;
  message.id = call.id;
  message.length = kAttributeSize;
  link_->Ask(Command::kGetAttrib, message, During(Phase::kCalling, [this](const Result<Attribute>& answer) {
               if (!Succeeded(answer)) return;
               const Attribute& attribute = answer.value();
               backend::Reply reply;
               reply.bytes.assign(attribute.value,
                                  attribute.value + std::min<std::size_t>(attribute.length, kAttributeSize));
               Answer(std::move(reply));
             }));
}

void Client::Make(const backend::SetAttribute& call) {
  if (call.value.size() > kAttributeSize) {
    return AnswerLater(ErrorOf(status::kInsufficientBuffer, "pcscd takes attributes of 264 bytes at most"));
  }
  Attribute message;
  message.card = card_->handle;
  message.id = call.id;
  message.length = static_cast<std::uint32_t>(call.value.size());
  std::copy(call.value.begin(), call.value.end(), message.value);
  link_->Ask(Command::kSetAttrib, message, During(Phase::kCalling, [this](const Result<Attribute>& answer) {
               if (Succeeded(answer)) Answer(backend::Reply());
             }));
}

}  // namespace pcsc_bridge::daemon
