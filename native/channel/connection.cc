#include "channel/connection.h"

#include <algorithm>
#include <utility>

#include "card/exchange.h"

namespace pcsc_bridge {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

// The pause between two looks at a card held by another process: short at first, for those that are about to
// end, and never long, since nobody wakes us.
constexpr microseconds kFirstPause{500};
constexpr microseconds kLongestPause{2000};

microseconds Longer(microseconds pause) {
  return std::min(pause + pause / 4, kLongestPause);
}

// For so long a card that has just answered us is taken to be still free: a stream of APDUs need not ask.
constexpr microseconds kStillFree{10000};

// Where nobody tells whether a card is free, a begin that took this long has waited for somebody's
// transaction: by itself it takes about a millisecond.
constexpr microseconds kHasWaited{100000};

}  // namespace

Connection::~Connection() {
  LetGo();
}

void Connection::LetGo() {
  if (in_transaction_) (void)End(used_in_transaction_ ? Disposition::kReset : Disposition::kLeave);
  card_.reset();
}

Result<Done> Connection::EnsureContext() {
  if (context_) return Done{};
  Result<Context> context = Context::EstablishAtBest(library_);
  if (!context) return context.error();
  context_.emplace(std::move(*context));
  return Done{};
}

Error Connection::NotConnected(const char* operation) const {
  return Error{status::kNotConnected, operation, "", ""};
}

bool Connection::TakeTurn(const std::string& reader, Operation& operation, bool* waited,
                          ReaderGate::Place place) {
  if (place.reader() != reader) place = ReaderGate::OfProcess().TakePlace(reader, operation);
  if (waited != nullptr) *waited = place.waited();
  std::optional<ReaderGate::Turn> turn = place.Wait(operation);
  if (!turn) return false;
  // Who cancels settles the operation first and then calls YieldTurn: one of the two sees the other.
  const std::lock_guard<std::mutex> lock(turn_mutex_);
  if (operation.settled()) return false;
  turn_ = std::move(turn);
  return true;
}

void Connection::YieldTurn() {
  const std::lock_guard<std::mutex> lock(turn_mutex_);
  turn_.reset();
}

Result<std::vector<std::string>> Connection::ListReaders(const std::vector<std::string>& groups) {
  const Result<Done> ready = EnsureContext();
  if (!ready) return ready.error();
  return context_->ListReaders(groups);
}

Result<std::vector<std::string>> Connection::ListReaderGroups() {
  const Result<Done> ready = EnsureContext();
  if (!ready) return ready.error();
  return context_->ListReaderGroups();
}

Result<bool> Connection::IsValid() {
  const Result<Done> ready = EnsureContext();
  if (!ready) return ready.error();
  return context_->IsValid();
}

Result<Protocols> Connection::Connect(const std::string& reader, ShareMode share_mode, Protocols protocols,
                                      Operation& operation) {
  const Result<Done> ready = EnsureContext();
  if (!ready) return ready.error();
  LetGo();
  if (!TakeTurn(reader, operation)) return Operation::CancelledError();
  Result<Card> card = Card::Connect(*context_, reader, share_mode, protocols);
  YieldTurn();
  if (!card) return card.error();
  card_.emplace(std::move(*card));
  known_atr_.reset();
  share_mode_ = share_mode;
  protocols_ = protocols;
  reset_by_us_ = false;
  return card_->protocol();
}

Result<Protocols> Connection::Reconnect(ShareMode share_mode, Protocols protocols, Disposition initialization,
                                        Operation& operation) {
  return OnCard<Protocols>("SCardReconnect", Waits::kForOthers, operation,
                           [&](Card& card) -> Result<Protocols> {
                             known_atr_.reset();
                             Result<Protocols> active = card.Reconnect(share_mode, protocols, initialization);
                             if (active) {
                               share_mode_ = share_mode;
                               protocols_ = protocols;
                               reset_by_us_ = false;
                             }
                             return active;
                           });
}

Result<Done> Connection::Disconnect(Disposition disposition, Operation& operation,
                                    const std::function<void()>& waits) {
  if (!card_) return NotConnected("SCardDisconnect");
  if (in_transaction_) {
    const Result<Done> ended = End(disposition);
    if (!ended) return ended;  // and End has let go of the card
    if (disposition == Disposition::kReset) disposition = Disposition::kLeave;  // done by End
  }
  if (disposition != Disposition::kLeave) {
    ReaderGate::Place place = ReaderGate::OfProcess().TakePlace(card_->reader(), operation);
    if (place.waited() && waits) waits();
    if (!TakeTurn(card_->reader(), operation, nullptr, std::move(place))) return Operation::CancelledError();
    if (!WaitForOthers(operation, waits)) {
      YieldTurn();
      return Operation::CancelledError();
    }
  }
  Result<Done> result = card_->Disconnect(disposition);
  YieldTurn();
  card_.reset();
  return result;
}

bool Connection::WaitForOthers(Operation& operation, const std::function<void()>& waits) {
  if (!in_use().probe_before_begin) return true;
  bool told = false;
  for (microseconds pause = kFirstPause;; pause = Longer(pause)) {
    bool held = false;
    if (!operation.Glance([&] { held = card_->HeldByOther(); })) return false;
    if (!held) return true;
    if (waits && !std::exchange(told, true)) waits();
    if (!operation.Sleep(pause)) return false;
  }
}

bool Connection::MustLookFirst(const Operation& operation) const {
  if (in_use().answers_when_held) return false;
  return operation.revocable() || steady_clock::now() - answered_ > kStillFree;
}

template <class T, class Call>
Result<T> Connection::Patiently(Operation& operation, Call call, bool* waited) {
  for (microseconds pause = kFirstPause;; pause = Longer(pause)) {
    Result<T> result = call(*card_);
    if (!in_use().answers_when_held || result.code() != status::kSharingViolation) return result;
    if (waited != nullptr) *waited = true;
    if (!operation.Sleep(pause)) return Operation::CancelledError();
  }
}

Result<Protocols> Connection::PutRight(Operation& operation, bool* waited) {
  return Patiently<Protocols>(
      operation, [this](Card& card) { return card.Reconnect(share_mode_, protocols_, Disposition::kLeave); },
      waited);
}

Result<Done> Connection::BeginAtOnce(Operation& operation) {
  Result<Done> begun = Operation::CancelledError();
  if (!operation.Glance([&] { begun = card_->BeginTransaction(); })) {
    if (begun) (void)card_->EndTransaction(Disposition::kLeave);
    return Operation::CancelledError();
  }
  return begun;
}

Result<Done> Connection::BeginOnce(Operation& operation, bool* waited) {
  if (operation.settled()) return Operation::CancelledError();
  if (in_use().answers_when_held) {
    for (;;) {
      Result<Done> begun = BeginAtOnce(operation);
      if (begun.code() != status::kSharingViolation) return begun;
      // Somebody came before us since we looked: look on, since each begin that is refused takes the daemon
      // 100 ms.
      if (waited != nullptr) *waited = true;
      if (!WaitForOthers(operation)) return Operation::CancelledError();
    }
  }
  Result<Done> begun = card_->BeginTransaction();
  // Before Windows 8 a begin succeeds on a card that somebody has reset: only the status tells.
  if (begun && !in_use().status_is_mask) {
    const Result<CardStatus> state = card_->GetStatus();
    if (state.code() == status::kResetCard) {
      (void)card_->EndTransaction(Disposition::kLeave);
      return state.error();
    }
  }
  return begun;
}

Result<BeginOutcome> Connection::Begin(OnReset on_reset, Operation& operation, ReaderGate::Place place) {
  if (!card_) return NotConnected("SCardBeginTransaction");
  if (in_transaction_) {
    return Error{status::kInvalidParameter, "SCardBeginTransaction", card_->reader(),
                 "this card is already in a transaction of its own"};
  }
  BeginOutcome outcome;
  const auto start = steady_clock::now();
  if (!TakeTurn(card_->reader(), operation, &outcome.waited, std::move(place))) {
    return Operation::CancelledError();
  }
  if (!WaitForOthers(operation, [&] { outcome.waited = true; })) {
    YieldTurn();
    return Operation::CancelledError();
  }
  const auto called = steady_clock::now();
  Result<Done> begun = BeginOnce(operation, &outcome.waited);
  if (!in_use().probe_before_begin && steady_clock::now() - called >= kHasWaited) outcome.waited = true;
  if (begun.code() == status::kResetCard && (reset_by_us_ || on_reset == OnReset::kReconnect)) {
    outcome.card_was_reset = !reset_by_us_;
    known_atr_.reset();
    const Result<Protocols> active = PutRight(operation, &outcome.waited);
    if (active) {
      reset_by_us_ = false;
      begun = BeginOnce(operation, &outcome.waited);
    } else {
      begun = active.error();
    }
  }
  outcome.waited_for = std::chrono::duration_cast<microseconds>(steady_clock::now() - start);
  if (!begun) {
    YieldTurn();
    return begun.error();
  }
  outcome.handle_works = in_use().answers_when_held;
  reset_by_us_ = false;
  in_transaction_ = true;
  used_in_transaction_ = false;
  reached_card_ = false;
  return outcome;
}

Result<Done> Connection::End(Disposition disposition) {
  if (!card_) return NotConnected("SCardEndTransaction");
  if (!in_transaction_) return Error{status::kNotTransacted, "SCardEndTransaction", card_->reader(), ""};
  in_transaction_ = false;
  Result<Done> ended = card_->EndTransaction(disposition);
  if (ended) {
    reset_by_us_ = disposition == Disposition::kReset || disposition == Disposition::kUnpower;
  } else {
    // The service may still count us as the holder: only letting go of the handle is sure to free the card.
    card_.reset();
  }
  YieldTurn();
  return ended;
}

template <class T, class Call>
Result<T> Connection::OnCard(const char* name, Waits waits, Operation& operation, Call call) {
  if (!card_) return NotConnected(name);
  if (operation.settled()) return Operation::CancelledError();
  if (in_transaction_) return call(*card_);
  if (!TakeTurn(card_->reader(), operation)) return Operation::CancelledError();
  if (waits != Waits::kNever && MustLookFirst(operation) && !WaitForOthers(operation)) {
    YieldTurn();
    return Operation::CancelledError();
  }
  // Where nobody tells whether the card is free, a transaction does the waiting: what was given up in it is
  // not sent.
  const bool in_transaction =
      waits == Waits::kAndThenSends && operation.revocable() && !in_use().probe_before_begin;
  const auto make = [&]() -> Result<T> {
    if (!in_transaction) return waits == Waits::kNever ? call(*card_) : Patiently<T>(operation, call);
    const Result<Done> begun = BeginOnce(operation);
    if (!begun) return begun.error();
    Result<T> made = operation.settled() ? Result<T>(Operation::CancelledError()) : call(*card_);
    (void)card_->EndTransaction(Disposition::kLeave);
    return made;
  };
  Result<T> result = make();
  if (result.code() == status::kResetCard && reset_by_us_ && !operation.settled()) {
    known_atr_.reset();
    if (PutRight(operation)) {
      reset_by_us_ = false;
      result = operation.settled() ? Result<T>(Operation::CancelledError()) : make();
    }
  }
  if (result) answered_ = steady_clock::now();
  YieldTurn();
  return result;
}

Result<CardStatus> Connection::GetStatus(Operation& operation) {
  Result<CardStatus> state = OnCard<CardStatus>("SCardStatus", Waits::kForOthers, operation,
                                                [](Card& card) { return card.GetStatus(); });
  if (state) known_atr_ = state->atr;
  return state;
}

Result<Bytes> Connection::Transmit(const Bytes& apdu, Operation& operation) {
  used_in_transaction_ = true;
  if (!in_transaction_) reached_card_ = false;
  return OnCard<Bytes>("SCardTransmit", Waits::kAndThenSends, operation,
                       [&](Card& card) { return TransmitInProtocol(card, apdu, operation); });
}

Result<Bytes> Connection::TransmitInProtocol(Card& card, const Bytes& apdu, Operation& operation) {
  Result<Bytes> response = card.Transmit(apdu);
  if (response.code() == status::kProtoMismatch && card.protocol() != 0) {
    known_atr_.reset();
    if (reached_card_) return Error{status::kResetCard, "SCardTransmit", card.reader(), ""};
    if (operation.settled()) return Operation::CancelledError();
    const Result<Protocols> active = card.Reconnect(share_mode_, protocols_, Disposition::kLeave);
    if (!active) return active.error();
    if (operation.settled()) return Operation::CancelledError();
    response = card.Transmit(apdu);
  }
  if (response) reached_card_ = true;
  return response;
}

bool Connection::SendTransmit(const Bytes& apdu) {
  if (!card_ || reset_by_us_ || in_use().send_transmit == nullptr) return false;
  if (!in_transaction_ && ReaderGate::OfProcess().IsTaken(card_->reader())) return false;
  if (card_->SendTransmit(apdu) != status::kSuccess) return false;
  used_in_transaction_ = true;
  return true;
}

std::optional<Result<Bytes>> Connection::ReceiveTransmit() {
  std::optional<Result<Bytes>> response = card_->ReceiveTransmit();
  if (response && *response) reached_card_ = true;
  return response;
}

int Connection::TransmitDescriptor() const {
  return card_ && in_use().descriptor != nullptr ? card_->descriptor() : -1;
}

Result<Bytes> Connection::Exchange(const std::vector<Bytes>& commands, std::uint8_t get_response_class,
                                   Operation& operation) {
  used_in_transaction_ = true;
  if (!in_transaction_) reached_card_ = false;
  return OnCard<Bytes>("SCardTransmit", Waits::kAndThenSends, operation, [&](Card&) {
    return pcsc_bridge::Exchange(commands, get_response_class, [&](const Bytes& apdu) -> Result<Bytes> {
      if (operation.settled()) return Operation::CancelledError();
      return Patiently<Bytes>(operation,
                              [&](Card& card) { return TransmitInProtocol(card, apdu, operation); });
    });
  });
}

Result<Bytes> Connection::Control(std::uint32_t code, const Bytes& input, Operation& operation) {
  return OnCard<Bytes>("SCardControl", Waits::kNever, operation,
                       [&](Card& card) { return card.Control(code, input); });
}

Result<Bytes> Connection::GetAttribute(std::uint32_t id, Operation& operation) {
  return OnCard<Bytes>("SCardGetAttrib", Waits::kNever, operation,
                       [&](Card& card) { return card.GetAttribute(id); });
}

Result<Done> Connection::SetAttribute(std::uint32_t id, const Bytes& value, Operation& operation) {
  return OnCard<Done>("SCardSetAttrib", Waits::kNever, operation,
                      [&](Card& card) { return card.SetAttribute(id, value); });
}

}  // namespace pcsc_bridge
