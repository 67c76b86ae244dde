#include "backend/daemon/calls.h"

#include <utility>
#include <variant>

namespace pcsc_bridge::daemon {
namespace {

constexpr char kAllReaders[] = "SCard$DefaultReaders";  // pcsc-lite's one group
// Every response to an APDU ends with SW1 and SW2.
constexpr std::size_t kStatusWordSize = 2;

Error Failure(Status code, const char* detail = "") {
  return Error{code, "", "", detail};
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

Protocols Activate(ClientHandles::Card& card, std::uint32_t protocol, ShareMode share_mode) {
  card.protocol = protocol;
  return share_mode == ShareMode::kDirect ? 0 : FromDaemon(protocol);
}

}  // namespace

std::optional<backend::Outcome> OutcomeAtOnce(const backend::Call& call, const ClientHandles& handles) {
  const auto* const connect = std::get_if<backend::Connect>(&call);
  if (connect != nullptr && connect->reader.size() >= kNameSize) return Failure(status::kUnknownReader);
  const auto* const transmit = std::get_if<backend::Transmit>(&call);
  if (transmit != nullptr && transmit->apdu->bytes().size() > abi::kMaxExtendedBuffer) {
    return Failure(status::kInsufficientBuffer, "the command is longer than pcscd takes");
  }
  const auto* const control = std::get_if<backend::Control>(&call);
  if (control != nullptr && control->input && control->input->bytes().size() > abi::kMaxExtendedBuffer) {
    return Failure(status::kInsufficientBuffer, "the input is longer than pcscd takes");
  }
  const auto* const attribute = std::get_if<backend::SetAttribute>(&call);
  if (attribute != nullptr && attribute->value.size() > kAttributeSize) {
    return Failure(status::kInsufficientBuffer, "pcscd takes attributes of 264 bytes at most");
  }
  // An end that was refused may have left the lock to this handle.
  if (std::holds_alternative<backend::Begin>(call) && handles.card->in_transaction) return backend::Reply();
  if (!std::holds_alternative<backend::ListReaderGroups>(call)) return std::nullopt;
  backend::Reply reply;
  reply.names = {kAllReaders};
  return reply;
}

backend::Outcome OutcomeOf(const backend::Call& call, Link::Answer& answer, ClientHandles& handles) {
  backend::Reply reply;
  if (std::holds_alternative<backend::ListReaders>(call)) {
    for (const ReaderState& reader : TableIn(answer.data)) reply.names.emplace_back(NameOf(reader));
  } else if (const auto* const connect = std::get_if<backend::Connect>(&call)) {
    handles.card->reader = connect->reader;
    reply.protocol = Activate(*handles.card, answer.As<Connect>().active_protocol, connect->share_mode);
  } else if (const auto* const reconnect = std::get_if<backend::Reconnect>(&call)) {
    reply.protocol = Activate(*handles.card, answer.As<Reconnect>().active_protocol, reconnect->share_mode);
  } else if (std::holds_alternative<backend::Begin>(call)) {
    reply.handle_works = true;
  } else if (std::holds_alternative<backend::Status>(call)) {
    const ReaderTable table = TableIn(answer.data);
    const ReaderState* const reader = Find(table, handles.card->reader);
    if (reader == nullptr) return Failure(status::kReaderUnavailable);
    reply.status.state = StateOf(reader->state);
    reply.status.protocol = FromDaemon(reader->protocol);
    reply.status.atr.assign(reader->atr, reader->atr + AtrLength(*reader));
  } else if (std::holds_alternative<backend::GetAttribute>(call)) {
    const auto attribute = answer.As<Attribute>();
    const std::size_t length = std::min<std::size_t>(attribute.length, kAttributeSize);
    reply.bytes.assign(attribute.value, attribute.value + length);
  } else if (const auto* const transmit = std::get_if<backend::Transmit>(&call);
             transmit != nullptr && answer.data.size() < kStatusWordSize &&
             transmit->ProtocolOr(handles.card->protocol) != kRaw) {
    // Some drivers report success if the card was removed instead of answering.
    return Failure(status::kCommDataLost, "no status word came: the card may have been taken out");
  } else {
    reply.bytes = std::move(answer.data);
  }
  return reply;
}

}  // namespace pcsc_bridge::daemon
