// The functions on a context.
#include <algorithm>
#include <chrono>
#include <utility>

#include "call.h"
#include "exports.h"
#include "pcsc/types.h"

using namespace fake_pcsc;
namespace reader_state = pcsc_bridge::reader_state;
using abi::ContextHandle;
using abi::Long;

namespace {

constexpr char kGroups[] = "SCard$DefaultReaders";

// Names, each ended by a zero, and the list by another, which GiveText adds.
std::basic_string<abi::Char> MultiString(const std::vector<std::string>& names) {
  std::basic_string<abi::Char> text;
  for (const std::string& name : names) text += platform::FromUtf8(name) + abi::Char{};
  return text;
}

Dword StateOf(const std::string& name, const Reader& reader) {
  Dword state = reader.extra_state;
  if (!reader.has_card) return state | reader_state::kEmpty;
  state |= reader_state::kPresent;
  if (reader.mute) state |= reader_state::kMute;
  if (reader.exclusive != kNobody) return state | reader_state::kExclusive | reader_state::kInUse;
  for (const auto& [number, handle] : The().handles) {
    if (handle.reader == name) return state | reader_state::kInUse;
  }
  return state;
}

// Fills in the current state; true if it differs from the state that the caller passed.
bool LookAt(abi::ReaderState& asked) {
  const std::string name = platform::ToUtf8(asked.reader);
  const Dword known = asked.current_state & ~Dword{reader_state::kChanged};
  Dword now = 0;
  Dword events = 0;
  const bool pseudo = name == kPnpNotification;
  asked.atr_length = 0;
  if (pseudo) {
    events = static_cast<Dword>(The().readers.size());
  } else if (const auto found = The().readers.find(name); found != The().readers.end()) {
    const Reader& reader = found->second;
    now = StateOf(name, reader);
    events = reader.events & 0xffff;
    asked.atr_length = static_cast<Dword>(reader.atr.size());
    std::copy_n(reader.atr.begin(), std::min(reader.atr.size(), sizeof asked.atr), asked.atr);
  } else {
    now = reader_state::kUnknown | reader_state::kIgnore;
  }
  // A caller without a state (SCARD_STATE_UNAWARE) gets a result at once. On Windows, a count of 0 means no
  // count.
  const bool counts = platform::kSemantics == Semantics::kPcsclite || (known >> 16) != 0 || pseudo;
  const bool differs =
      (now != (known & 0xffff)) || (counts && events != (known >> 16)) || (known == 0 && !pseudo);
  asked.event_state = now | (events << 16) | (differs ? reader_state::kChanged : 0);
  return differs;
}

bool Asks(const abi::ReaderState* states, Dword count, bool (*what)(const std::string&)) {
  for (Dword i = 0; i < count; ++i) {
    if (what(platform::ToUtf8(states[i].reader))) return true;
  }
  return false;
}

}  // namespace

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardEstablishContext(Dword scope, const void*, const void*,
                                                             ContextHandle* handle) {
  Call call("SCardEstablishContext", 0, Line().Number("scope", scope));
  if (call.failed()) return call.Return();
  *handle = static_cast<ContextHandle>(++The().last_number);
  The().contexts[*handle];
  return call.Return(status::kSuccess, Line().Number("context", static_cast<std::uint64_t>(*handle)));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardReleaseContext(ContextHandle handle) {
  Call call("SCardReleaseContext", handle);
  if (The().contexts.count(handle) == 0) return call.Return(status::kInvalidHandle);
  auto& handles = The().handles;
  std::uint64_t left = 0;
  for (auto open = handles.begin(); open != handles.end();) {
    if (open->second.context == handle) {
      LetGo(open->first);
      if (!open->second.disconnect_failed) ++left;
      open = handles.erase(open);
    } else {
      ++open;
    }
  }
  if (left > 0 && !call.failed()) ReportViolation("SCardReleaseContext before SCardDisconnect");
  call.ForgetContext();
  The().contexts.erase(handle);
  // A context of a stopped service can be released as well.
  return call.Return(call.failed() ? status::kInvalidHandle : status::kSuccess, Line().Number("left", left));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardIsValidContext(ContextHandle handle) {
  Call call("SCardIsValidContext", handle, {}, Call::Threads::kAny);
  return call.Return();
}

// Nothing here is allocated for the caller. libpcsclite requires the function in a library that it delegates
// to.
FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardFreeMemory(ContextHandle handle, const void*) {
  Call call("SCardFreeMemory", handle);
  return call.Return();
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL FAKE_PCSC_TEXT(SCardListReaders)(ContextHandle handle,
                                                                        const abi::Char*, abi::Char* readers,
                                                                        Dword* length) {
  Call call("SCardListReaders", handle);
  if (call.failed()) return call.Return();
  std::vector<std::string> names;
  for (const auto& [name, reader] : The().readers) names.push_back(name);
  if (names.empty()) return call.Return(status::kNoReadersAvailable);
  return call.Return(GiveText(MultiString(names), readers, length));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL FAKE_PCSC_TEXT(SCardListReaderGroups)(ContextHandle handle,
                                                                             abi::Char* groups,
                                                                             Dword* length) {
  Call call("SCardListReaderGroups", handle);
  if (call.failed()) return call.Return();
  return call.Return(GiveText(MultiString({kGroups}), groups, length));
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL FAKE_PCSC_TEXT(SCardGetStatusChange)(ContextHandle handle,
                                                                            Dword timeout_ms,
                                                                            abi::ReaderState* states,
                                                                            Dword count) {
  Call call("SCardGetStatusChange", handle, Line().Number("timeout", timeout_ms).Number("readers", count));
  if (call.failed()) return call.Return();
  const Settings& settings = The().settings;
  if (!settings.pseudo_reader &&
      Asks(states, count, [](const std::string& name) { return name == kPnpNotification; })) {
    return call.Return(status::kUnknownReader);
  }
  if (settings.unknown_reader_fails && Asks(states, count, [](const std::string& name) {
        return name != kPnpNotification && The().readers.count(name) == 0;
      })) {
    return call.Return(status::kUnknownReader);
  }
  Context& context = call.context();
  const auto over = [&] {
    bool differs = false;
    for (Dword i = 0; i < count; ++i) differs = LookAt(states[i]) || differs;
    return differs || !settings.status_change_waits || context.cancelled || context.dead;
  };
  context.waiting = true;
  bool ended = true;
  if (timeout_ms == abi::kInfinite) {
    TheService().changed.wait(call.lock(), over);
  } else {
    ended = TheService().changed.wait_for(call.lock(), std::chrono::milliseconds(timeout_ms), over);
  }
  context.waiting = false;
  if (context.dead) return call.Return(context.dead_code);
  if (std::exchange(context.cancelled, false)) return call.Return(status::kCancelled);
  return call.Return(ended ? status::kSuccess : status::kTimeout);
}

FAKE_PCSC_EXPORT Long PCSC_BRIDGE_CALL SCardCancel(ContextHandle handle) {
  Call call("SCardCancel", handle, {}, Call::Threads::kAny);
  const auto found = The().contexts.find(handle);
  // A cancel is lost if no call waits.
  if (found != The().contexts.end() && found->second.waiting) found->second.cancelled = true;
  TheService().changed.notify_all();
  return call.Return();
}
