#include "backend/library/card.h"

#include <utility>

#include "backend/library/library_error.h"
#include "backend/library/table_change.h"
#include "pcsc/secret.h"

namespace pcsc_bridge {
namespace {

// Every response to an APDU ends with SW1 and SW2.
constexpr std::size_t kStatusWordSize = 2;

abi::Dword ToAbi(Protocols protocols) {
  const abi::Dword raw = (protocols & kRaw) != 0 ? abi::kProtocolRaw : 0;
  return (protocols & (kT0 | kT1)) | raw;
}

Protocols FromAbi(abi::Dword protocols) {
  const Protocols raw = (protocols & abi::kProtocolRaw) != 0 ? kRaw : 0;
  return static_cast<Protocols>(protocols & (kT0 | kT1)) | raw;
}

// The library says how long what came is: more than there was room for cannot be.
Error TooLong(abi::Dword length, std::size_t room, const char* operation, const std::string& reader) {
  return Error{status::kInternalError, operation, reader,
               "the library says that " + std::to_string(length) + " bytes came, where there is room for " +
                   std::to_string(room)};
}

Result<Bytes> Received(Bytes buffer, abi::Dword length, const char* operation, const std::string& reader) {
  if (length > buffer.size()) return TooLong(length, buffer.size(), operation, reader);
  buffer.resize(length);
  return buffer;
}

CardState StateFromAbi(abi::Dword state, bool is_mask) {
  // Wine hands on pcsc-lite's mask, which always has one of its higher bits set where a card is in.
  if (!is_mask && state <= 6) return static_cast<CardState>(state);
  // pcsc-lite: bit n says enumeration value n, the high word counts events; the highest bit tells most.
  for (std::uint32_t value = 6; value > 0; --value) {
    if ((state & (abi::Dword{1} << value)) != 0) return static_cast<CardState>(value);
  }
  return CardState::kUnknown;
}

}  // namespace

Result<Card> Card::Connect(const Context& context, const std::string& reader, ShareMode share_mode,
                           Protocols protocols) {
  abi::CardHandle handle{};
  abi::Dword active = 0;
  const platform::NativeString name = platform::ToNative(reader);
  const Status code = abi::ToStatus(context.library().connect(context.handle(), name.c_str(),
                                                              static_cast<abi::Dword>(share_mode),
                                                              ToAbi(protocols), &handle, &active));
  if (code != status::kSuccess) return LibraryError(code, "SCardConnect", reader);
  return Card(context.library(), handle, reader, FromAbi(active));
}

Card::Card(Card&& other) noexcept
    : library_(std::exchange(other.library_, nullptr)),
      handle_(other.handle_),
      reader_(std::move(other.reader_)),
      protocol_(other.protocol_),
      receive_buffer_(std::move(other.receive_buffer_)) {}

Card& Card::operator=(Card&& other) noexcept {
  if (this != &other) {
    LetGo();
    library_ = std::exchange(other.library_, nullptr);
    handle_ = other.handle_;
    reader_ = std::move(other.reader_);
    protocol_ = other.protocol_;
    receive_buffer_ = std::move(other.receive_buffer_);
  }
  return *this;
}

Card::~Card() {
  LetGo();
}

void Card::LetGo() {
  if (library_ != nullptr) (void)Disconnect(Disposition::kLeave);
}

Result<Protocols> Card::Reconnect(ShareMode share_mode, Protocols protocols, Disposition initialization) {
  abi::Dword active = 0;
  const Status code =
      abi::ToStatus(library_->reconnect(handle_, static_cast<abi::Dword>(share_mode), ToAbi(protocols),
                                        static_cast<abi::Dword>(initialization), &active));
  if (code != status::kSuccess) return Fail(code, "SCardReconnect");
  protocol_ = FromAbi(active);
  return protocol_;
}

Result<Done> Card::Disconnect(Disposition disposition) {
  const TableChange alone(*library_);
  // Whatever comes of it, the handle is not used again: its number may belong to another card by then.
  const Library& library = *std::exchange(library_, nullptr);
  const Status code = abi::ToStatus(library.disconnect(handle_, static_cast<abi::Dword>(disposition)));
  if (code != status::kSuccess) return Fail(code, "SCardDisconnect");
  return Done{};
}

Result<Done> Card::BeginTransaction() {
  const Status code = abi::ToStatus(library_->begin_transaction(handle_));
  if (code != status::kSuccess) return Fail(code, "SCardBeginTransaction");
  return Done{};
}

Result<Done> Card::EndTransaction(Disposition disposition) {
  const Status code = abi::ToStatus(library_->end_transaction(handle_, static_cast<abi::Dword>(disposition)));
  if (code != status::kSuccess) return Fail(code, "SCardEndTransaction");
  return Done{};
}

Result<CardStatus> Card::GetStatus() {
  abi::Dword reader_length = 0;
  abi::Dword state = 0;
  abi::Dword protocol = 0;
  Bytes atr(abi::kMaxAtr, 0);
  abi::Dword atr_length = static_cast<abi::Dword>(atr.size());
  const Status code = abi::ToStatus(
      library_->status(handle_, nullptr, &reader_length, &state, &protocol, atr.data(), &atr_length));
  if (code != status::kSuccess) return Fail(code, "SCardStatus");
  Result<Bytes> received = Received(std::move(atr), atr_length, "SCardStatus", reader_);
  if (!received) return received.error();
  return CardStatus{StateFromAbi(state, library_->status_is_mask), FromAbi(protocol), std::move(*received)};
}

Result<Bytes> Card::Transmit(const Bytes& apdu) {
  receive_buffer_.resize(abi::kOutputBuffer, 0);
  const abi::IoRequest send_pci{ToAbi(protocol_), sizeof(abi::IoRequest)};
  abi::Dword length = static_cast<abi::Dword>(receive_buffer_.size());
  const Status code =
      abi::ToStatus(library_->transmit(handle_, &send_pci, apdu.data(), static_cast<abi::Dword>(apdu.size()),
                                       nullptr, receive_buffer_.data(), &length));
  if (code != status::kSuccess || length > receive_buffer_.size()) {
    Wipe(receive_buffer_);
    if (code != status::kSuccess) return Fail(code, "SCardTransmit");
    return TooLong(length, receive_buffer_.size(), "SCardTransmit", reader_);
  }
  const auto end = receive_buffer_.begin() + static_cast<std::ptrdiff_t>(length);
  Bytes response(receive_buffer_.begin(), end);
  // The buffer is kept: what came is wiped, and no more than that, since it is large.
  Wipe(receive_buffer_.data(), length);
  // Some drivers call it a success when the card went away instead of answering.
  if (response.size() < kStatusWordSize && protocol_ != kRaw) {
    return Error{status::kCommDataLost, "SCardTransmit", reader_,
                 "no status word came: the card may have been taken out"};
  }
  return response;
}

Result<Bytes> Card::Control(std::uint32_t code, const Bytes& input) {
  Bytes output(abi::kOutputBuffer, 0);
  abi::Dword length = 0;
  const Status result =
      abi::ToStatus(library_->control(handle_, code, input.data(), static_cast<abi::Dword>(input.size()),
                                      output.data(), static_cast<abi::Dword>(output.size()), &length));
  if (result != status::kSuccess) return Fail(result, "SCardControl");
  return Received(std::move(output), length, "SCardControl", reader_);
}

Result<Bytes> Card::GetAttribute(std::uint32_t id) {
  // pcsc-lite refuses buffers above 264 bytes (MAX_BUFFER_SIZE) before it asks the reader; Windows has longer
  // attributes and tells how long.
  Bytes value(264, 0);
  abi::Dword length = static_cast<abi::Dword>(value.size());
  Status code = abi::ToStatus(library_->get_attrib(handle_, id, value.data(), &length));
  if (code == status::kInsufficientBuffer && length > value.size() && length <= abi::kMaxExtendedBuffer) {
    value.resize(length, 0);
    code = abi::ToStatus(library_->get_attrib(handle_, id, value.data(), &length));
  }
  if (code != status::kSuccess) return Fail(code, "SCardGetAttrib");
  return Received(std::move(value), length, "SCardGetAttrib", reader_);
}

Result<Done> Card::SetAttribute(std::uint32_t id, const Bytes& value) {
  const Status code =
      abi::ToStatus(library_->set_attrib(handle_, id, value.data(), static_cast<abi::Dword>(value.size())));
  if (code != status::kSuccess) return Fail(code, "SCardSetAttrib");
  return Done{};
}

Error Card::Fail(Status code, const char* operation) const {
  return LibraryError(code, operation, reader_);
}

bool Card::HeldByOther() {
  std::uint8_t value[264];
  abi::Dword length = sizeof value;
  return abi::ToStatus(library_->get_attrib(handle_, abi::kAttributeVendorName, value, &length)) ==
         status::kSharingViolation;
}

}  // namespace pcsc_bridge
