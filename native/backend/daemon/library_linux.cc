// pcsc-lite without its library: the functions of PC/SC as questions to the daemon.
//
// What it is for: the library waits for a card that somebody else has by asking again every 100 ms, inside
// calls that nothing can end, and its tables of contexts crash where several threads use them. Here nothing
// waits but SCardConnect, which the daemon itself holds back, the card's own answers, and who watches, which
// a cancel ends at once; and whoever waits for descriptors needs no thread for a transmit.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/daemon/link.h"
#include "backend/daemon/watch.h"
#include "backend/library/library.h"

namespace pcsc_bridge::platform {
namespace {

using namespace daemon;

constexpr char kAllReaders[] = "SCard$DefaultReaders\0";  // pcsc-lite's one group, as a multi-string

struct OpenContext;

struct OpenCard {
  OpenContext& context;
  const std::int32_t handle;
  const std::string reader;
};

// A context handle points to one of these, a card handle to one of its cards.
struct OpenContext {
  Link link;
  std::uint32_t number = 0;
  std::vector<std::unique_ptr<OpenCard>> cards;
  Watch watch{link};
};

OpenContext& ContextOf(abi::ContextHandle handle) {
  return *reinterpret_cast<OpenContext*>(handle);
}
OpenCard& CardOf(abi::CardHandle handle) {
  return *reinterpret_cast<OpenCard*>(handle);
}

abi::Long ToLong(Status code) {
  return static_cast<abi::Long>(code);
}

// The link's status where it has failed, else the daemon's.
template <class Message>
Status Ask(Link& link, Command command, Message& message) {
  const Status asked = link.Ask(command, message);
  return asked == status::kSuccess ? message.code : asked;
}

std::uint32_t Word(abi::Dword value) {
  return static_cast<std::uint32_t>(value);
}

// Gives a text or bytes as PC/SC does: their length alone where there is no buffer.
template <class Unit>
Status Give(const Unit* value, std::size_t count, Unit* buffer, abi::Dword* length) {
  const abi::Dword room = std::exchange(*length, static_cast<abi::Dword>(count));
  if (buffer == nullptr) return status::kSuccess;
  if (room < count) return status::kInsufficientBuffer;
  std::copy_n(value, count, buffer);
  return status::kSuccess;
}

abi::Long Establish(abi::Dword scope, const void*, const void*, abi::ContextHandle* handle) {
  auto context = std::make_unique<OpenContext>();
  Status code = context->link.Open(SocketPath());
  if (code != status::kSuccess) return ToLong(code);
  EstablishContext message;
  message.scope = Word(scope);
  code = Ask(context->link, Command::kEstablishContext, message);
  if (code != status::kSuccess) return ToLong(code);
  context->number = message.context;
  *handle = reinterpret_cast<abi::ContextHandle>(context.release());
  return ToLong(status::kSuccess);
}

abi::Long Release(abi::ContextHandle handle) {
  const std::unique_ptr<OpenContext> context(&ContextOf(handle));
  ReleaseContext message;
  message.context = context->number;
  return ToLong(Ask(context->link, Command::kReleaseContext, message));
}

abi::Long IsValid(abi::ContextHandle handle) {
  return ToLong(ContextOf(handle).link.works() ? status::kSuccess : status::kInvalidHandle);
}

abi::Long ListReaders(abi::ContextHandle handle, const char*, char* readers, abi::Dword* length) {
  ReaderTable states;
  const Status code = ContextOf(handle).link.AskReaderStates(states);
  if (code != status::kSuccess) return ToLong(code);
  std::string names;
  for (const ReaderState& state : states) {
    const std::string_view name = NameOf(state);
    if (!name.empty()) names.append(name).push_back('\0');
  }
  if (names.empty()) return ToLong(status::kNoReadersAvailable);
  names.push_back('\0');
  return ToLong(Give(names.data(), names.size(), readers, length));
}

abi::Long ListGroups(abi::ContextHandle, char* groups, abi::Dword* length) {
  return ToLong(Give(kAllReaders, sizeof kAllReaders, groups, length));
}

abi::Long GetStatusChange(abi::ContextHandle handle, abi::Dword timeout, abi::ReaderState* readers,
                          abi::Dword count) {
  const std::optional<std::chrono::milliseconds> limit =
      timeout == abi::kInfinite ? std::nullopt : std::optional(std::chrono::milliseconds(timeout));
  return ToLong(ContextOf(handle).watch.Await(readers, count, limit));
}

abi::Long Cancel(abi::ContextHandle handle) {
  ContextOf(handle).watch.Cancel();
  return ToLong(status::kSuccess);
}

abi::Long ConnectCard(abi::ContextHandle handle, const char* reader, abi::Dword share_mode,
                      abi::Dword protocols, abi::CardHandle* card, abi::Dword* active_protocol) {
  OpenContext& context = ContextOf(handle);
  Connect message;
  if (std::strlen(reader) >= kNameSize) return ToLong(status::kUnknownReader);
  std::strncpy(message.reader, reader, kNameSize - 1);
  message.context = context.number;
  message.share_mode = Word(share_mode);
  message.protocols = Word(protocols);
  const Status code = Ask(context.link, Command::kConnect, message);
  if (code != status::kSuccess) return ToLong(code);
  context.cards.push_back(std::make_unique<OpenCard>(OpenCard{context, message.card, reader}));
  *card = reinterpret_cast<abi::CardHandle>(context.cards.back().get());
  *active_protocol = message.active_protocol;
  return ToLong(code);
}

abi::Long ReconnectCard(abi::CardHandle handle, abi::Dword share_mode, abi::Dword protocols,
                        abi::Dword initialization, abi::Dword* active_protocol) {
  const OpenCard& card = CardOf(handle);
  Reconnect message;
  message.card = card.handle;
  message.share_mode = Word(share_mode);
  message.protocols = Word(protocols);
  message.initialization = Word(initialization);
  const Status code = Ask(card.context.link, Command::kReconnect, message);
  if (code == status::kSuccess) *active_protocol = message.active_protocol;
  return ToLong(code);
}

Status DisposeOf(const OpenCard& card, Command command, abi::Dword disposition) {
  Dispose message;
  message.card = card.handle;
  message.disposition = Word(disposition);
  return Ask(card.context.link, command, message);
}

abi::Long DisconnectCard(abi::CardHandle handle, abi::Dword disposition) {
  const OpenCard& card = CardOf(handle);
  const Status code = DisposeOf(card, Command::kDisconnect, disposition);
  if (code == status::kSuccess) {
    std::vector<std::unique_ptr<OpenCard>>& cards = card.context.cards;
    cards.erase(
        std::find_if(cards.begin(), cards.end(), [&](const auto& open) { return open.get() == &card; }));
  }
  return ToLong(code);
}

abi::Long Begin(abi::CardHandle handle) {
  const OpenCard& card = CardOf(handle);
  Plain message;
  message.card = card.handle;
  return ToLong(Ask(card.context.link, Command::kBeginTransaction, message));
}

abi::Long End(abi::CardHandle handle, abi::Dword disposition) {
  return ToLong(DisposeOf(CardOf(handle), Command::kEndTransaction, disposition));
}

// SCardStatus without what it tells of the reader: whether the handle works, and nobody else holds the card.
Status AskStatus(const OpenCard& card) {
  Plain message;
  message.card = card.handle;
  return Ask(card.context.link, Command::kStatus, message);
}

abi::Long GetStatus(abi::CardHandle handle, char* reader, abi::Dword* reader_length, abi::Dword* state,
                    abi::Dword* protocol, unsigned char* atr, abi::Dword* atr_length) {
  const OpenCard& card = CardOf(handle);
  Status code = AskStatus(card);
  if (code != status::kSuccess) return ToLong(code);
  ReaderTable states;
  code = card.context.link.AskReaderStates(states);
  if (code != status::kSuccess) return ToLong(code);
  const ReaderState* const found = Find(states, card.reader);
  if (found == nullptr) return ToLong(status::kReaderUnavailable);
  *state = (abi::Dword{found->event_count} << 16) + found->state;
  *protocol = found->protocol;
  const Status named = Give(card.reader.c_str(), card.reader.size() + 1, reader, reader_length);
  const Status given = Give(found->atr, AtrLength(*found), atr, atr_length);
  return ToLong(named == status::kSuccess ? given : named);
}

abi::Long ControlReader(abi::CardHandle handle, abi::Dword code, const void* send, abi::Dword send_length,
                        void* receive, abi::Dword receive_size, abi::Dword* returned) {
  const OpenCard& card = CardOf(handle);
  if (send_length > abi::kMaxExtendedBuffer) return ToLong(status::kInsufficientBuffer);
  Control message;
  message.card = card.handle;
  message.control_code = Word(code);
  message.send_length = Word(send_length);
  message.receive_size = Word(receive_size);
  const Status asked = card.context.link.AskControl(message, send, receive);
  if (asked != status::kSuccess) return ToLong(asked);
  *returned = message.returned;
  return ToLong(message.code);
}

abi::Long GetAttribute(abi::CardHandle handle, abi::Dword id, unsigned char* value, abi::Dword* length) {
  const OpenCard& card = CardOf(handle);
  Attribute message;
  message.card = card.handle;
  message.id = Word(id);
  message.length = kAttributeSize;
  const Status code = Ask(card.context.link, Command::kGetAttrib, message);
  if (code != status::kSuccess) return ToLong(code);
  return ToLong(Give(message.value, std::min<std::size_t>(message.length, kAttributeSize), value, length));
}

abi::Long SetAttribute(abi::CardHandle handle, abi::Dword id, const unsigned char* value, abi::Dword length) {
  const OpenCard& card = CardOf(handle);
  if (length > kAttributeSize) return ToLong(status::kInsufficientBuffer);
  Attribute message;
  message.card = card.handle;
  message.id = Word(id);
  message.length = Word(length);
  std::copy_n(value, length, message.value);
  return ToLong(Ask(card.context.link, Command::kSetAttrib, message));
}

Status SendTransmit(abi::CardHandle handle, abi::Dword protocol, const Bytes& apdu, bool may_wait) {
  const OpenCard& card = CardOf(handle);
  if (apdu.size() > abi::kMaxExtendedBuffer) return status::kInsufficientBuffer;
  Transmit message;
  message.card = card.handle;
  message.send_protocol = Word(protocol);
  message.send_pci_length = sizeof(abi::IoRequest);
  message.send_length = static_cast<std::uint32_t>(apdu.size());
  message.receive_protocol = abi::kProtocolT0 | abi::kProtocolT1;
  message.receive_pci_length = sizeof(abi::IoRequest);
  message.receive_length = abi::kMaxExtendedBuffer;
  return card.context.link.SendTransmit(message, apdu, may_wait);
}

std::optional<Status> ReceiveTransmit(abi::CardHandle handle, Bytes& response, bool may_wait) {
  return CardOf(handle).context.link.ReceiveTransmit(response, may_wait);
}

int DescriptorOf(abi::CardHandle handle) {
  return CardOf(handle).context.link.CopyDescriptor();
}

bool HeldByOther(abi::CardHandle handle) {
  return AskStatus(CardOf(handle)) == status::kSharingViolation;
}

Library MakeTable() {
  Library table;
  table.path = "pcscd";
  table.probe_before_begin = true;
  table.answers_when_held = true;
  table.status_is_mask = true;
  table.establish_context = Establish;
  table.release_context = Release;
  table.is_valid_context = IsValid;
  table.list_readers = ListReaders;
  table.list_reader_groups = ListGroups;
  table.get_status_change = GetStatusChange;
  table.cancel = Cancel;
  table.connect = ConnectCard;
  table.reconnect = ReconnectCard;
  table.disconnect = DisconnectCard;
  table.begin_transaction = Begin;
  table.end_transaction = End;
  table.status = GetStatus;
  table.control = ControlReader;
  table.get_attrib = GetAttribute;
  table.set_attrib = SetAttribute;
  table.send_transmit = SendTransmit;
  table.receive_transmit = ReceiveTransmit;
  table.descriptor = DescriptorOf;
  table.held_by_other = HeldByOther;
  return table;
}

}  // namespace

const Library* DaemonLibrary() {
  static const Library* const table = new Library(MakeTable());  // never freed, see the contract
  return table;
}

}  // namespace pcsc_bridge::platform
