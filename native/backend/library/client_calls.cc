#include "backend/library/client_calls.h"

#include <chrono>
#include <utility>

#include "backend/library/table_change.h"

namespace pcsc_bridge::backend {
namespace {

using std::chrono::steady_clock;

// If the library cannot report whether a card is free, a begin that took this long has waited for another
// process. Without a wait it takes about a millisecond.
constexpr std::chrono::milliseconds kHasWaited{100};

// Every response to an APDU ends with SW1 and SW2.
constexpr std::size_t kStatusWordSize = 2;

// Enumerations and lengths, in the library's width.
template <class T>
abi::Dword Dword(T value) {
  return static_cast<abi::Dword>(value);
}

abi::Dword ToAbi(Protocols protocols) {
  const abi::Dword raw = (protocols & kRaw) != 0 ? abi::kProtocolRaw : 0;
  return (protocols & (kT0 | kT1)) | raw;
}

Protocols FromAbi(abi::Dword protocols) {
  const Protocols raw = (protocols & abi::kProtocolRaw) != 0 ? kRaw : 0;
  return static_cast<Protocols>(protocols & (kT0 | kT1)) | raw;
}

CardState StateFromAbi(abi::Dword state, bool is_mask) {
  // Wine passes on pcsc-lite's mask, which always has one of its higher bits set if there is a card.
  if (!is_mask && state <= 6) return static_cast<CardState>(state);
  // pcsc-lite: bit n stands for enumeration value n, the high word counts events; the highest bit is the
  // most specific.
  for (std::uint32_t value = 6; value > 0; --value) {
    if ((state & (abi::Dword{1} << value)) != 0) return static_cast<CardState>(value);
  }
  return CardState::kUnknown;
}

Error NotConnected(const char* operation) {
  return Error{status::kNotConnected, operation, "", ""};
}

// The outcome of a call that only succeeds or fails.
Outcome Only(const Result<Done>& result) {
  if (!result) return result.error();
  return Reply{};
}

// The outcome of a call that brings one member of its reply.
template <class T>
Outcome With(T Reply::*member, Result<T> value) {
  if (!value) return value.error();
  Reply reply;
  reply.*member = std::move(*value);
  return reply;
}

}  // namespace

Outcome ClientCalls::Make(const Call& call, PendingCall& pending) {
  Outcome outcome = std::visit([&](const auto& each) { return Do(each, pending); }, call);
  if (outcome) outcome->waited = pending.has_waited();
  return outcome;
}

Outcome ClientCalls::Make(Call call) {
  PendingCall pending(nullptr, std::move(call), nullptr);
  return Make(*pending.Take(), pending);
}

Result<Done> ClientCalls::Checked(abi::Long code, const char* operation) const {
  return pcsc_bridge::Checked(code, operation, card_->reader);
}

Result<Bytes> ClientCalls::Received(abi::Long code, Bytes buffer, abi::Dword length,
                                    const char* operation) const {
  const Result<Done> done = Checked(code, operation);
  if (!done) return done.error();
  if (length > buffer.size()) return TooLong(length, buffer.size(), operation);
  buffer.resize(length);
  return buffer;
}

Error ClientCalls::TooLong(abi::Dword length, std::size_t room, const char* operation) const {
  return Error{status::kInternalError, operation, card_->reader,
               "the library says that " + std::to_string(length) + " bytes came, where there is room for " +
                   std::to_string(room)};
}

Result<Done> ClientCalls::EnsureContext(PendingCall& pending) {
  if (!context_) {
    Result<Context> context = Context::Establish(library_);
    if (!context) return context.error();
    context_.emplace(std::move(*context));
  }
  if (pending.given_up()) return CancelledError();
  return Done{};
}

Outcome ClientCalls::Do(const ListReaders& call, PendingCall& pending) {
  const Result<Done> ready = EnsureContext(pending);
  if (!ready && MeansNoReaders(library_, ready.code())) return Reply{};
  if (!ready) return ready.error();
  Result<std::vector<std::string>> names = context_->ListReaders(call.groups);
  // A service that stops with the last reader destroys its contexts.
  if (names && names->empty() && library_.service_stops_without_readers && !card_) context_.reset();
  return With(&Reply::names, std::move(names));
}

Outcome ClientCalls::Do(const ListReaderGroups&, PendingCall& pending) {
  const Result<Done> ready = EnsureContext(pending);
  if (!ready) return ready.error();
  return With(&Reply::names, context_->ListReaderGroups());
}

Outcome ClientCalls::Do(const CheckContext&, PendingCall& pending) {
  const Result<Done> ready = EnsureContext(pending);
  if (!ready) return ready.error();
  const Result<Done> valid =
      pcsc_bridge::Checked(library_.is_valid_context(context_->handle()), "SCardIsValidContext");
  if (!valid) return valid.error();
  // pcsc-lite only checks its own tables, in which a context outlives its daemon (1.9.9).
  abi::Dword length = 0;
  const Result<Done> served = pcsc_bridge::Checked(
      library_.list_readers(context_->handle(), nullptr, nullptr, &length), "SCardListReaders");
  if (served.code() == status::kNoReadersAvailable || served.code() == status::kWindowsBadStubData)
    return Reply{};
  return Only(served);
}

Outcome ClientCalls::Do(const Connect& call, PendingCall& pending) {
  if (card_ && card_->transaction != Transaction::kNone) {
    const bool used = card_->transaction == Transaction::kUsed;
    (void)EndTransaction(used ? Disposition::kReset : Disposition::kLeave);
  }
  if (card_) (void)DisconnectCard(Disposition::kLeave);
  const Result<Done> ready = EnsureContext(pending);
  if (!ready) return ready.error();
  Card card;
  card.reader = call.reader;
  card.share_mode = call.share_mode;
  abi::Dword active = 0;
  const Result<Done> connected = pcsc_bridge::Checked(
      library_.connect(context_->handle(), platform::ToNative(call.reader).c_str(), Dword(call.share_mode),
                       ToAbi(call.protocols), &card.handle, &active),
      "SCardConnect", call.reader);
  if (!connected) return connected.error();
  card.protocol = FromAbi(active);
  card_.emplace(std::move(card));
  return With<Protocols>(&Reply::protocol, card_->protocol);
}

Outcome ClientCalls::Do(const Reconnect& call, PendingCall& pending) {
  if (!card_) return NotConnected("SCardReconnect");
  if (!WaitUntilFree(pending)) return CancelledError();
  abi::Dword active = 0;
  const Result<Done> reconnected =
      Checked(library_.reconnect(card_->handle, Dword(call.share_mode), ToAbi(call.protocols),
                                 Dword(call.initialization), &active),
              "SCardReconnect");
  if (!reconnected) return reconnected.error();
  card_->share_mode = call.share_mode;
  card_->protocol = FromAbi(active);
  return With<Protocols>(&Reply::protocol, card_->protocol);
}

Outcome ClientCalls::Do(const Disconnect& call, PendingCall& pending) {
  if (!card_) return NotConnected("SCardDisconnect");
  Disposition disposition = call.disposition;
  if (card_->transaction != Transaction::kNone) {
    const Result<Done> ended = EndTransaction(disposition);
    if (!ended) return ended.error();  // and the card has been disconnected
    if (disposition == Disposition::kReset) disposition = Disposition::kLeave;  // done by the end
  }
  if (disposition != Disposition::kLeave && !WaitUntilFree(pending)) return CancelledError();
  return Only(DisconnectCard(disposition));
}

Outcome ClientCalls::Do(const Begin&, PendingCall& pending) {
  if (!card_) return NotConnected("SCardBeginTransaction");
  if (card_->transaction != Transaction::kNone) {
    return Error{status::kInvalidParameter, "SCardBeginTransaction", card_->reader,
                 "this card is already in a transaction of its own"};
  }
  if (!WaitUntilFree(pending)) return CancelledError();
  const Result<Done> begun = BeginTransaction(pending);
  if (!begun) return begun.error();
  card_->transaction = Transaction::kUnused;
  if (pending.given_up()) return CancelledError();
  // Before Windows 8 a begin succeeds on a card that was reset meanwhile: only the status says so.
  if (!library_.status_is_mask && GetStatus().code() == status::kResetCard) {
    Error reset{status::kResetCard, "SCardBeginTransaction", card_->reader, ""};
    (void)EndTransaction(Disposition::kLeave);
    return reset;
  }
  return Reply{};
}

Outcome ClientCalls::Do(const End& call, PendingCall&) {
  if (!card_) return NotConnected("SCardEndTransaction");
  if (card_->transaction == Transaction::kNone) {
    return Error{status::kNotTransacted, "SCardEndTransaction", card_->reader, ""};
  }
  return Only(EndTransaction(call.disposition));
}

Outcome ClientCalls::Do(const Status&, PendingCall& pending) {
  if (!card_) return NotConnected("SCardStatus");
  if (!WaitUntilFree(pending)) return CancelledError();
  return With(&Reply::status, GetStatus());
}

Outcome ClientCalls::Do(const Transmit& call, PendingCall& pending) {
  if (!card_) return NotConnected("SCardTransmit");
  if (card_->transaction != Transaction::kNone) {
    card_->transaction = Transaction::kUsed;
    return With(&Reply::bytes, Send(call));
  }
  if (library_.probe_before_begin || card_->share_mode != ShareMode::kShared) {
    if (!WaitUntilFree(pending)) return CancelledError();
    return With(&Reply::bytes, Send(call));
  }
  const Result<Done> begun = BeginTransaction(pending);
  if (!begun) return begun.error();
  Result<Bytes> response = pending.given_up() ? CancelledError() : Send(call);
  (void)library_.end_transaction(card_->handle, Dword(Disposition::kLeave));
  return With(&Reply::bytes, std::move(response));
}

Outcome ClientCalls::Do(const Control& call, PendingCall&) {
  if (!card_) return NotConnected("SCardControl");
  if (card_->transaction != Transaction::kNone) card_->transaction = Transaction::kUsed;
  const Bytes& input = call.input->bytes();
  Bytes output(abi::kOutputBuffer, 0);
  abi::Dword length = 0;
  const abi::Long code = library_.control(card_->handle, call.code, input.data(), Dword(input.size()),
                                          output.data(), Dword(output.size()), &length);
  return With(&Reply::bytes, Received(code, std::move(output), length, "SCardControl"));
}

Outcome ClientCalls::Do(const GetAttribute& call, PendingCall&) {
  if (!card_) return NotConnected("SCardGetAttrib");
  // pcsc-lite refuses buffers above 264 bytes (MAX_BUFFER_SIZE) before it asks the reader. Windows has
  // longer attributes and reports their length.
  Bytes value(264, 0);
  abi::Dword length = Dword(value.size());
  abi::Long code = library_.get_attrib(card_->handle, call.id, value.data(), &length);
  if (abi::ToStatus(code) == status::kInsufficientBuffer && length > value.size() &&
      length <= abi::kMaxExtendedBuffer) {
    value.resize(length);
    code = library_.get_attrib(card_->handle, call.id, value.data(), &length);
  }
  return With(&Reply::bytes, Received(code, std::move(value), length, "SCardGetAttrib"));
}

Outcome ClientCalls::Do(const SetAttribute& call, PendingCall&) {
  if (!card_) return NotConnected("SCardSetAttrib");
  return Only(
      Checked(library_.set_attrib(card_->handle, call.id, call.value.data(), Dword(call.value.size())),
              "SCardSetAttrib"));
}

bool ClientCalls::WaitUntilFree(PendingCall& pending) {
  const bool others_may_hold =
      card_->transaction == Transaction::kNone && card_->share_mode != ShareMode::kExclusive;
  if (!library_.probe_before_begin || !others_may_hold) return true;
  return pending.WaitUntil([this] {
    std::uint8_t value[264];
    abi::Dword length = sizeof value;
    return abi::ToStatus(library_.get_attrib(card_->handle, abi::kAttributeVendorName, value, &length)) !=
           status::kSharingViolation;
  });
}

Result<Done> ClientCalls::BeginTransaction(PendingCall& pending) {
  const auto start = steady_clock::now();
  Result<Done> begun = Checked(library_.begin_transaction(card_->handle), "SCardBeginTransaction");
  if (!library_.probe_before_begin && steady_clock::now() - start >= kHasWaited) pending.NoteWait();
  return begun;
}

Result<Done> ClientCalls::EndTransaction(Disposition disposition) {
  card_->transaction = Transaction::kNone;
  Result<Done> ended =
      Checked(library_.end_transaction(card_->handle, Dword(disposition)), "SCardEndTransaction");
  // The service may still treat this handle as the holder: only disconnecting is sure to free the card.
  if (!ended) (void)DisconnectCard(disposition);
  return ended;
}

Result<CardStatus> ClientCalls::GetStatus() {
  abi::Dword reader_length = 0;
  abi::Dword state = 0;
  abi::Dword protocol = 0;
  Bytes buffer(abi::kMaxAtr, 0);
  abi::Dword length = Dword(buffer.size());
  const abi::Long code =
      library_.status(card_->handle, nullptr, &reader_length, &state, &protocol, buffer.data(), &length);
  Result<Bytes> atr = Received(code, std::move(buffer), length, "SCardStatus");
  if (!atr) return atr.error();
  return CardStatus{StateFromAbi(state, library_.status_is_mask), FromAbi(protocol), std::move(*atr)};
}

Result<Bytes> ClientCalls::Send(const Transmit& call) {
  const Bytes& apdu = call.apdu->bytes();
  const Protocols protocol = call.ProtocolOr(card_->protocol);
  Bytes& buffer = card_->receive_buffer;
  buffer.resize(abi::kOutputBuffer, 0);
  const abi::IoRequest send_pci{ToAbi(protocol), sizeof(abi::IoRequest)};
  abi::Dword length = Dword(buffer.size());
  const Result<Done> done = Checked(library_.transmit(card_->handle, &send_pci, apdu.data(),
                                                      Dword(apdu.size()), nullptr, buffer.data(), &length),
                                    "SCardTransmit");
  if (!done || length > buffer.size()) {
    Wipe(buffer);
    return done ? TooLong(length, buffer.size(), "SCardTransmit") : done.error();
  }
  Bytes response(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length));
  // The buffer is kept: the received bytes are wiped, and only these, because it is large.
  Wipe(buffer.data(), length);
  // Some drivers report success if the card was removed instead of answering.
  if (length < kStatusWordSize && protocol != kRaw) {
    return Error{status::kCommDataLost, "SCardTransmit", card_->reader,
                 "no status word came: the card may have been taken out"};
  }
  return response;
}

Result<Done> ClientCalls::DisconnectCard(Disposition disposition) {
  const TableChange alone(library_);
  // Whatever the result, the handle is not used again: its number may belong to another card by then.
  const Card gone = std::move(*card_);
  card_.reset();
  return pcsc_bridge::Checked(library_.disconnect(gone.handle, Dword(disposition)), "SCardDisconnect",
                              gone.reader);
}

void ClientCalls::Finish(Disposition disposition) {
  if (card_ && card_->transaction == Transaction::kUsed && disposition == Disposition::kLeave) {
    (void)EndTransaction(Disposition::kReset);
  }
  // Its loop may have gone.
  if (card_) (void)Make(Disconnect{disposition, nullptr});
  context_.reset();
}

}  // namespace pcsc_bridge::backend
