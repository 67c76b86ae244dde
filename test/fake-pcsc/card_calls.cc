// The functions on a card.
#include <algorithm>

#include "call.h"
#include "exports.h"
#include "pcsc/types.h"

using namespace fake_pcsc;
using abi::CardHandle;
using abi::ContextHandle;
using abi::Long;

namespace {

constexpr Dword kExclusive = static_cast<Dword>(pcsc_bridge::ShareMode::kExclusive);
constexpr Dword kDirect = static_cast<Dword>(pcsc_bridge::ShareMode::kDirect);
constexpr Dword kLeave = static_cast<Dword>(pcsc_bridge::Disposition::kLeave);

std::uint64_t Number(CardHandle handle) {
  return static_cast<std::uint64_t>(handle);
}

// The reader's protocol if it was requested, or 0.
Dword Choose(Dword spoken, Dword asked) {
  for (const Dword protocol : {abi::kProtocolT0, abi::kProtocolT1, abi::kProtocolRaw}) {
    if ((spoken & asked & protocol) != 0) return protocol;
  }
  return 0;
}

bool OthersConnected(const std::string& reader, CardHandle handle) {
  const auto& handles = The().handles;
  return std::any_of(handles.begin(), handles.end(),
                     [&](const auto& open) { return open.first != handle && open.second.reader == reader; });
}

// Whether this handle may have, or keep, the reader in this way.
Status Admit(const std::string& name, Dword share_mode, Dword protocols, CardHandle handle, Dword* active) {
  const auto found = The().readers.find(name);
  if (found == The().readers.end()) return status::kUnknownReader;
  Reader& reader = found->second;
  if (reader.exclusive != kNobody && reader.exclusive != handle) return status::kSharingViolation;
  if (share_mode == kExclusive && OthersConnected(name, handle)) return status::kSharingViolation;
  *active = 0;
  if (share_mode == kDirect) return status::kSuccess;
  if (!reader.has_card) return status::kNoSmartcard;
  if (reader.mute) return status::kUnresponsiveCard;
  *active = Choose(reader.protocols, protocols);
  return *active == 0 ? status::kProtoMismatch : status::kSuccess;
}

// A call on a card, and the state of that card.
class OnCard {
 public:
  OnCard(const char* function, CardHandle handle, const Line& arguments = {})
      : call_(Call::OnCard(function, handle, arguments)), number_(handle) {}

  Call& call() { return call_; }
  Handle& handle() { return The().handles[number_]; }
  Reader& reader() { return The().readers[handle().reader]; }

  // Waits until no other program is in a transaction; returns success, or the error of a call that needs the
  // card.
  Status AwaitCard() {
    if (call_.failed()) return call_.result();
    if (const Status code = CheckCard(handle())) return code;
    WaitForCard(call_.lock(), handle().reader, number_);
    if (call_.context().dead) return call_.context().dead_code;
    return CheckCard(handle());
  }

  // The same for a call to the reader itself, which pcsc-lite refuses at once.
  Status AwaitReader() {
    if (call_.failed()) return call_.result();
    if (The().readers.count(handle().reader) == 0) return status::kReaderUnavailable;
    const CardHandle holder = reader().holder;
    if (holder == kNobody || holder == number_) return status::kSuccess;
    if (The().settings.refuse_while_held) return status::kSharingViolation;
    WaitForCard(call_.lock(), handle().reader, number_);
    if (call_.context().dead) return call_.context().dead_code;
    return The().readers.count(handle().reader) == 0 ? status::kReaderUnavailable : status::kSuccess;
  }

 private:
  Call call_;
  const CardHandle number_;
};

// The enumeration of PC/SC part 5, or pcsc-lite's mask with its count.
Dword StatusOf(const Reader& reader, Dword protocol) {
  const Settings& settings = The().settings;
  const Dword value = !reader.has_card ? 1 : protocol == 0 ? 2 : protocol == abi::kProtocolRaw ? 5 : 6;
  if (!settings.status_is_mask) return value;
  // pcsc-lite: present (4), powered (0x10) and either negotiable (0x20) or specific (0x40) at once.
  const Dword mask = !reader.has_card ? 0x02 : protocol == 0 ? 0x14 : 0x14 | Dword{1} << value;
  return mask | (reader.events << 16);
}

}  // namespace

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL FAKE_PCSC_TEXT(SCardConnect)(ContextHandle context,
                                                                    const abi::Char* reader, Dword share_mode,
                                                                    Dword protocols, CardHandle* handle,
                                                                    Dword* active) {
  const std::string name = platform::ToUtf8(reader);
  Call call("SCardConnect", context,
            Line().Text("reader", name).Number("share", share_mode).Number("protocols", protocols));
  if (call.failed()) return call.Return();
  if (The().settings.connect_waits) WaitForCard(call.lock(), name, kNobody);
  if (call.context().dead) return call.Return(call.context().dead_code);
  Dword protocol = 0;
  if (const Status code = Admit(name, share_mode, protocols, kNobody, &protocol)) return call.Return(code);
  Reader& found = The().readers[name];
  const CardHandle number = ++The().last_number;
  The().handles[number] = Handle{context, name, share_mode, protocol, found.insertions, found.resets};
  if (share_mode == kExclusive) found.exclusive = number;
  TheService().changed.notify_all();
  *handle = number;
  *active = protocol;
  return call.Return(status::kSuccess, Line().Number("handle", Number(number)).Number("protocol", protocol));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardReconnect(CardHandle handle, Dword share_mode, Dword protocols,
                                                      Dword initialization, Dword* active) {
  OnCard on("SCardReconnect", handle,
            Line()
                .Number("share", share_mode)
                .Number("protocols", protocols)
                .Number("disposition", initialization));
  if (on.call().failed()) return on.call().Return();
  WaitForCard(on.call().lock(), on.handle().reader, handle);
  if (on.call().context().dead) return on.call().Return(on.call().context().dead_code);
  Dword protocol = 0;
  if (const Status code = Admit(on.handle().reader, share_mode, protocols, handle, &protocol)) {
    return on.call().Return(code == status::kUnknownReader ? status::kReaderUnavailable : code);
  }
  Reader& reader = on.reader();
  if (initialization != kLeave) ResetCard(reader);
  if (share_mode == kExclusive) {
    reader.exclusive = handle;
  } else if (reader.exclusive == handle) {
    reader.exclusive = kNobody;
  }
  const ContextHandle context = on.handle().context;
  on.handle() = Handle{context, on.handle().reader, share_mode, protocol, reader.insertions, reader.resets};
  *active = protocol;
  return on.call().Return(status::kSuccess, Line().Number("protocol", protocol));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardDisconnect(CardHandle handle, Dword disposition) {
  OnCard on("SCardDisconnect", handle, Line().Number("disposition", disposition));
  if (on.call().failed()) {
    const auto open = The().handles.find(handle);
    if (open != The().handles.end()) open->second.disconnect_failed = true;
    return on.call().Return();
  }
  if (disposition != kLeave) {
    WaitForCard(on.call().lock(), on.handle().reader, handle);
    if (The().readers.count(on.handle().reader) != 0) ResetCard(on.reader());
  }
  LetGo(handle);
  The().handles.erase(handle);
  return on.call().Return();
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardBeginTransaction(CardHandle handle) {
  OnCard on("SCardBeginTransaction", handle);
  Status code = on.AwaitCard();
  if (code == status::kResetCard && !The().settings.begin_tells_of_reset) code = status::kSuccess;
  if (code != status::kSuccess) return on.call().Return(code);
  WaitForCard(on.call().lock(), on.handle().reader, handle);
  if (on.reader().holder == handle)
    ReportViolation("SCardBeginTransaction within a transaction of the same handle");
  on.reader().holder = handle;
  return on.call().Return(status::kSuccess);
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardEndTransaction(CardHandle handle, Dword disposition) {
  OnCard on("SCardEndTransaction", handle, Line().Number("disposition", disposition));
  if (on.call().failed()) return on.call().Return();
  const Status code = CheckCard(on.handle());
  if (code != status::kSuccess && code != status::kResetCard) return on.call().Return(code);
  if (on.reader().holder != handle) return on.call().Return(status::kNotTransacted);
  if (disposition != kLeave) ResetCard(on.reader());
  on.reader().holder = kNobody;
  TheService().changed.notify_all();
  return on.call().Return(status::kSuccess);
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL FAKE_PCSC_TEXT(SCardStatus)(CardHandle handle, abi::Char* name,
                                                                   Dword* name_length, Dword* state,
                                                                   Dword* protocol, unsigned char* atr,
                                                                   Dword* atr_length) {
  OnCard on("SCardStatus", handle);
  if (const Status code = on.AwaitCard()) return on.call().Return(code);
  const Reader& reader = on.reader();
  if (state != nullptr) *state = StatusOf(reader, on.handle().protocol);
  if (protocol != nullptr) *protocol = on.handle().protocol;
  const Status text = GiveText(platform::FromUtf8(on.handle().reader), name, name_length);
  const Status bytes =
      atr_length != nullptr ? GiveBytes(on.call(), reader.atr, atr, atr_length) : status::kSuccess;
  return on.call().Return(text != status::kSuccess ? text : bytes);
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardTransmit(CardHandle handle, const abi::IoRequest* pci,
                                                     const unsigned char* apdu, Dword length, abi::IoRequest*,
                                                     unsigned char* response, Dword* response_length) {
  OnCard on(
      "SCardTransmit", handle,
      Line().Number("protocol", pci->protocol).Hex("apdu", apdu, length).Number("room", *response_length));
  if (const Status code = on.AwaitCard()) return on.call().Return(code);
  if (pci->protocol != on.handle().protocol) return on.call().Return(status::kProtoMismatch);
  Bytes answer{0x6d, 0x00};
  for (const auto& [beginning, own] : on.reader().answers) {
    if (beginning.size() <= length && std::equal(beginning.begin(), beginning.end(), apdu)) answer = own;
  }
  const Status code = GiveBytes(on.call(), answer, response, response_length);
  return on.call().Return(code, Line().Hex("response", answer.data(), answer.size()));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardControl(CardHandle handle, Dword code, const void* input,
                                                    Dword input_length, void* output, Dword output_size,
                                                    Dword* returned) {
  OnCard on("SCardControl", handle,
            Line().Number("code", code).Hex("input", input, input_length).Number("room", output_size));
  *returned = 0;
  if (output_size > The().settings.largest_output) return on.call().Return(Status{1});
  if (const Status refused = on.AwaitReader()) return on.call().Return(refused);
  const auto found = on.reader().controls.find(code);
  if (found == on.reader().controls.end()) {
    // ERROR_INVALID_FUNCTION from a Windows driver, pcsc-lite's SCARD_E_UNSUPPORTED_FEATURE.
    return on.call().Return(The().settings.status_is_mask ? status::kUnexpected : Status{1});
  }
  *returned = output_size;
  return on.call().Return(GiveBytes(on.call(), found->second, static_cast<unsigned char*>(output), returned));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardGetAttrib(CardHandle handle, Dword id, unsigned char* value,
                                                      Dword* length) {
  OnCard on("SCardGetAttrib", handle, Line().Number("id", id).Number("room", *length));
  if (const Status refused = on.AwaitReader()) return on.call().Return(refused);
  const auto found = on.reader().attributes.find(id);
  if (found == on.reader().attributes.end()) {
    return on.call().Return(The().settings.status_is_mask ? status::kUnexpected : Status{0x32});
  }
  return on.call().Return(GiveBytes(on.call(), found->second, value, length));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardSetAttrib(CardHandle handle, Dword id, const unsigned char* value,
                                                      Dword length) {
  OnCard on("SCardSetAttrib", handle, Line().Number("id", id).Hex("value", value, length));
  if (const Status refused = on.AwaitReader()) return on.call().Return(refused);
  on.reader().attributes[id] = Bytes(value, value + length);
  return on.call().Return(status::kSuccess);
}
