#include "backend/library/client_calls.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "backend/library/library_error.h"

namespace pcsc_bridge::backend {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

// The pause between two looks at a card that another process holds: short at first, for transactions that
// are about to end, and never long, because nothing wakes us.
constexpr microseconds kFirstPause{500};
constexpr microseconds kLongestPause{2000};

microseconds Longer(microseconds pause) {
  return std::min(pause + pause / 4, kLongestPause);
}

// Where nothing says whether a card is free, a begin that took this long has waited for another process: by
// itself it takes about a millisecond.
constexpr microseconds kHasWaited{100000};

Error NotConnected(const char* operation) {
  return Error{status::kNotConnected, operation, "", ""};
}

// The outcome of a call that only succeeds or fails.
Outcome Only(const Result<Done>& result, bool waited = false) {
  if (!result) return result.error();
  Reply reply;
  reply.waited = waited;
  return reply;
}

Outcome WithNames(Result<std::vector<std::string>> names) {
  if (!names) return names.error();
  Reply reply;
  reply.names = std::move(*names);
  return reply;
}

Outcome WithProtocol(const Result<Protocols>& active, bool waited = false) {
  if (!active) return active.error();
  Reply reply;
  reply.protocol = active.value();
  reply.waited = waited;
  return reply;
}

Outcome WithBytes(Result<Bytes> bytes, bool waited = false) {
  if (!bytes) return bytes.error();
  Reply reply;
  reply.bytes = std::move(*bytes);
  reply.waited = waited;
  return reply;
}

}  // namespace

Outcome ClientCalls::Make(const Call& call, PendingCall& pending) {
  return std::visit([&](const auto& each) { return Do(each, pending); }, call);
}

Result<Done> ClientCalls::EnsureContext() {
  if (context_) return Done{};
  Result<Context> context = Context::Establish(library_);
  if (!context) return context.error();
  context_.emplace(std::move(*context));
  return Done{};
}

Outcome ClientCalls::Do(const ListReaders& call, PendingCall& pending) {
  const Result<Done> ready = EnsureContext();
  if (!ready && MeansNoReaders(library_, ready.code())) return Reply{};
  if (!ready) return ready.error();
  if (pending.given_up()) return CancelledError();
  Result<std::vector<std::string>> names = context_->ListReaders(call.groups);
  // A service that has stopped with the last reader takes its contexts along.
  if (names && names->empty() && library_.service_stops_without_readers && !card_) context_.reset();
  return WithNames(std::move(names));
}

Outcome ClientCalls::Do(const ListReaderGroups&, PendingCall& pending) {
  const Result<Done> ready = EnsureContext();
  if (!ready) return ready.error();
  if (pending.given_up()) return CancelledError();
  return WithNames(context_->ListReaderGroups());
}

Outcome ClientCalls::Do(const CheckContext&, PendingCall& pending) {
  const Result<Done> ready = EnsureContext();
  if (!ready) return ready.error();
  if (pending.given_up()) return CancelledError();
  return Only(context_->Check());
}

Outcome ClientCalls::Do(const Connect& call, PendingCall& pending) {
  const Result<Done> ready = EnsureContext();
  if (!ready) return ready.error();
  LetGoOfCard();
  if (pending.given_up()) return CancelledError();
  Result<Card> card = Card::Connect(*context_, call.reader, call.share_mode, call.protocols);
  if (!card) return card.error();
  card_.emplace(std::move(*card));
  share_mode_ = call.share_mode;
  return WithProtocol(card_->protocol());
}

Outcome ClientCalls::Do(const Reconnect& call, PendingCall& pending) {
  if (!card_) return NotConnected("SCardReconnect");
  bool waited = false;
  if (!WaitUntilFree(pending, waited)) return CancelledError();
  const Result<Protocols> active = card_->Reconnect(call.share_mode, call.protocols, call.initialization);
  if (active) share_mode_ = call.share_mode;
  return WithProtocol(active, waited);
}

Outcome ClientCalls::Do(const Disconnect& call, PendingCall& pending) {
  if (!card_) return NotConnected("SCardDisconnect");
  Disposition disposition = call.disposition;
  bool waited = false;
  if (transaction_ != Transaction::kNone) {
    const Result<Done> ended = EndTransaction(disposition);
    if (!ended) return ended.error();  // and the card has been disconnected
    if (disposition == Disposition::kReset) disposition = Disposition::kLeave;  // done by the end
  }
  if (disposition != Disposition::kLeave && !WaitUntilFree(pending, waited)) return CancelledError();
  const Result<Done> result = card_->Disconnect(disposition);
  card_.reset();
  return Only(result, waited);
}

Outcome ClientCalls::Do(const Begin&, PendingCall& pending) {
  if (!card_) return NotConnected("SCardBeginTransaction");
  if (transaction_ != Transaction::kNone) {
    return Error{status::kInvalidParameter, "SCardBeginTransaction", card_->reader(),
                 "this card is already in a transaction of its own"};
  }
  bool waited = false;
  if (!WaitUntilFree(pending, waited)) return CancelledError();
  const auto start = steady_clock::now();
  const Result<Done> begun = card_->BeginTransaction();
  if (!begun) return begun.error();
  transaction_ = Transaction::kUnused;
  if (pending.given_up()) return CancelledError();
  if (!library_.probe_before_begin && steady_clock::now() - start >= kHasWaited) waited = true;
  // Before Windows 8 a begin succeeds on a card that was reset meanwhile: only the status says so.
  if (!library_.status_is_mask && card_->GetStatus().code() == status::kResetCard) {
    Error reset{status::kResetCard, "SCardBeginTransaction", card_->reader(), ""};
    (void)EndTransaction(Disposition::kLeave);
    return reset;
  }
  return Only(begun, waited);
}

Outcome ClientCalls::Do(const End& call, PendingCall&) {
  if (!card_) return NotConnected("SCardEndTransaction");
  if (transaction_ == Transaction::kNone) {
    return Error{status::kNotTransacted, "SCardEndTransaction", card_->reader(), ""};
  }
  return Only(EndTransaction(call.disposition));
}

Outcome ClientCalls::Do(const Status&, PendingCall& pending) {
  if (!card_) return NotConnected("SCardStatus");
  bool waited = false;
  if (!WaitUntilFree(pending, waited)) return CancelledError();
  Result<CardStatus> state = card_->GetStatus();
  if (!state) return state.error();
  Reply reply;
  reply.status = std::move(*state);
  reply.waited = waited;
  return reply;
}

Outcome ClientCalls::Do(const Transmit& call, PendingCall& pending) {
  if (!card_) return NotConnected("SCardTransmit");
  const Bytes& apdu = call.apdu->bytes();
  if (transaction_ != Transaction::kNone) {
    transaction_ = Transaction::kUsed;
    return WithBytes(card_->Transmit(apdu));
  }
  if (!library_.probe_before_begin && share_mode_ == ShareMode::kShared) {
    return TransmitInTransaction(apdu, pending);
  }
  bool waited = false;
  if (!WaitUntilFree(pending, waited)) return CancelledError();
  return WithBytes(card_->Transmit(apdu), waited);
}

Outcome ClientCalls::TransmitInTransaction(const Bytes& apdu, PendingCall& pending) {
  const auto start = steady_clock::now();
  const Result<Done> begun = card_->BeginTransaction();
  if (!begun) return begun.error();
  const bool waited = steady_clock::now() - start >= kHasWaited;
  Result<Bytes> response = pending.given_up() ? Result<Bytes>(CancelledError()) : card_->Transmit(apdu);
  (void)card_->EndTransaction(Disposition::kLeave);
  return WithBytes(std::move(response), waited);
}

Outcome ClientCalls::Do(const Control& call, PendingCall&) {
  if (!card_) return NotConnected("SCardControl");
  if (transaction_ != Transaction::kNone) transaction_ = Transaction::kUsed;
  return WithBytes(card_->Control(call.code, call.input->bytes()));
}

Outcome ClientCalls::Do(const GetAttribute& call, PendingCall&) {
  if (!card_) return NotConnected("SCardGetAttrib");
  return WithBytes(card_->GetAttribute(call.id));
}

Outcome ClientCalls::Do(const SetAttribute& call, PendingCall&) {
  if (!card_) return NotConnected("SCardSetAttrib");
  return Only(card_->SetAttribute(call.id, call.value));
}

bool ClientCalls::WaitUntilFree(PendingCall& pending, bool& waited) {
  const bool others_may_hold = transaction_ == Transaction::kNone && share_mode_ != ShareMode::kExclusive;
  if (!library_.probe_before_begin || !others_may_hold) return true;
  for (microseconds pause = kFirstPause;; pause = Longer(pause)) {
    bool held = false;
    if (!pending.Ask([&] { held = card_->HeldByOther(); })) return false;
    if (!held) return pending.Proceed();
    if (!std::exchange(waited, true)) pending.ReportWait();
    if (!pending.Pause(pause)) return false;
  }
}

Result<Done> ClientCalls::EndTransaction(Disposition disposition) {
  transaction_ = Transaction::kNone;
  Result<Done> ended = card_->EndTransaction(disposition);
  if (!ended) {
    // The service may still count us as the holder: only disconnecting is sure to free the card.
    (void)card_->Disconnect(disposition);
    card_.reset();
  }
  return ended;
}

void ClientCalls::LetGoOfCard() {
  if (transaction_ != Transaction::kNone) {
    (void)EndTransaction(transaction_ == Transaction::kUsed ? Disposition::kReset : Disposition::kLeave);
  }
  card_.reset();
}

void ClientCalls::Finish(Disposition disposition) {
  if (transaction_ == Transaction::kUsed && disposition == Disposition::kLeave) {
    (void)EndTransaction(Disposition::kReset);
  }
  if (card_) {
    // Its loop may have gone, and nothing gives it up.
    PendingCall last(nullptr, Disconnect{disposition, nullptr}, nullptr);
    (void)Make(*last.Take(), last);
  }
  card_.reset();
  context_.reset();
}

}  // namespace pcsc_bridge::backend
