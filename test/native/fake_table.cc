// The functions of the fake PC/SC library.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "answer.h"
#include "fake_service.h"
#include "loop/immortal.h"
#include "pcsc/types.h"

namespace pcsc_bridge::test {

FakeService& TheService() {
  static Immortal<FakeService> service;
  return *service;
}

void ResetCard(FakeReader& reader) {
  ++reader.resets;
  reader.pin_verified = false;
}

void LetGoOf(FakeReader& reader, abi::CardHandle handle) {
  if (reader.holder == handle) reader.holder = kNobody;
  TheService().changed.notify_all();
}

namespace {

using abi::Dword;
using abi::Long;
using Lock = std::unique_lock<std::mutex>;

constexpr Dword kLeave = static_cast<Dword>(Disposition::kLeave);

Long Code(Status status) {
  return static_cast<Long>(status);
}

const char* Name(Dword disposition) {
  static const char* const names[] = {"leave", "reset", "unpower", "eject"};
  return names[disposition];
}

// Counts the call, and sticks and fails on demand; without a context for SCardEstablishContext. The lock is
// held.
Status Enter(Lock& lock, Call call, FakeContext* context = nullptr) {
  FakeState& state = The();
  ++state.counts[call];
  TheService().changed.notify_all();
  if (state.sticks[call]) {
    ++state.stuck[call];
    TheService().changed.notify_all();
    TheService().changed.wait(lock, [&] { return !state.sticks[call]; });
    --state.stuck[call];
  }
  auto& [code, times] = state.failures[call];
  if (times > 0) {
    --times;
    return code;
  }
  if (!state.running || (context != nullptr && context->dead)) return status::kNoService;
  return status::kSuccess;
}

// A call on a context, the only one there if the rules are kept.
class Inside {
 public:
  Inside(abi::ContextHandle handle, Call call) : lock_(TheService().mutex) {
    const auto found = The().contexts.find(handle);
    if (found == The().contexts.end()) {
      The().violations.push_back("a call on a context that was released");
      return;
    }
    context_ = &found->second;
    if (context_->inside != std::thread::id()) The().violations.push_back("two threads in one context");
    context_->inside = std::this_thread::get_id();
    code_ = Enter(lock_, call, context_);
  }
  ~Inside() {
    if (context_ != nullptr) context_->inside = std::thread::id();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  Status code() const { return code_; }
  Lock& lock() { return lock_; }
  FakeContext& context() { return *context_; }
  void ContextIsGone() { context_ = nullptr; }

 private:
  Lock lock_;
  FakeContext* context_ = nullptr;
  Status code_ = status::kInvalidHandle;
};

abi::ContextHandle ContextOf(abi::CardHandle handle) {
  const std::lock_guard<std::mutex> lock(TheService().mutex);
  const auto found = The().handles.find(handle);
  return found == The().handles.end() ? 0 : found->second.context;
}

// Waits until only `handle`, or no handle, holds the reader's card.
void WaitForCard(Lock& lock, const std::string& reader, abi::CardHandle handle) {
  TheService().changed.wait(lock, [&] {
    const abi::CardHandle holder = The().readers[reader].holder;
    return holder == kNobody || holder == handle || !The().running;
  });
}

Status CheckCard(const FakeHandle& handle) {
  const auto reader = The().readers.find(handle.reader);
  if (reader == The().readers.end()) return status::kReaderUnavailable;
  if (!reader->second.card) return status::kRemovedCard;
  if (handle.resets_seen != reader->second.resets) return status::kResetCard;
  return status::kSuccess;
}

Long EstablishContext(Dword, const void*, const void*, abi::ContextHandle* handle) {
  Lock lock(TheService().mutex);
  const Status code = Enter(lock, Call::kEstablish);
  if (code != status::kSuccess) return Code(code);
  *handle = ++TheService().last_number;
  The().contexts[*handle];
  return 0;
}

Long ReleaseContext(abi::ContextHandle handle) {
  Inside inside(handle, Call::kRelease);
  for (auto open = The().handles.begin(); open != The().handles.end();) {
    if (open->second.context != handle) {
      ++open;
      continue;
    }
    The().violations.push_back("a context was released before its card was disconnected");
    LetGoOf(The().readers[open->second.reader], open->first);
    open = The().handles.erase(open);
  }
  inside.ContextIsGone();
  The().contexts.erase(handle);
  TheService().changed.notify_all();
  return 0;
}

Long IsValidContext(abi::ContextHandle) {
  return 0;
}

Long ListReaders(abi::ContextHandle handle, const char*, char* text, Dword* length) {
  const Inside inside(handle, Call::kListReaders);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  if (The().readers.empty()) return Code(status::kNoReadersAvailable);
  std::string list;
  for (const auto& [name, reader] : The().readers) list += name + '\0';
  list += '\0';
  const Dword room = std::exchange(*length, list.size());
  if (text == nullptr) return 0;
  if (room < list.size()) return Code(status::kInsufficientBuffer);
  std::memcpy(text, list.data(), list.size());
  return 0;
}

// The pseudo reader; `readers_before` is the number of readers when the wait began.
bool LookAtReaders(abi::ReaderState& state, std::size_t readers_before) {
  const Dword known = state.current_state >> 16;
  Dword counter = 0;
  bool differs = The().readers.size() != readers_before;
  if (The().pseudo_reader == PseudoReader::kCountsReaders) {
    counter = The().readers.size();
    differs = counter != known;
  } else if (The().pseudo_reader == PseudoReader::kCountsEvents) {
    counter = The().reader_events;
    differs = differs || (known != 0 && counter != known);
  }
  state.event_state = (counter << 16) | (differs ? reader_state::kChanged : 0);
  return differs;
}

// Fills in the current state; true if it differs from the state that the caller passed.
bool LookAt(abi::ReaderState& state, std::size_t readers_before) {
  if (std::strcmp(state.reader, kPnpNotification) == 0) return LookAtReaders(state, readers_before);
  Dword now = 0;
  if (const auto found = The().readers.find(state.reader); found == The().readers.end()) {
    now = reader_state::kUnknown;
  } else {
    const FakeReader& reader = found->second;
    now = (reader.events << 16) | (reader.card ? reader_state::kPresent : reader_state::kEmpty);
    if (reader.state_unknown) now = 0;
    state.atr_length = reader.card ? 2 : 0;
    state.atr[0] = 0x3b;
    state.atr[1] = 0x00;
  }
  const Dword known = state.current_state & ~Dword{reader_state::kChanged};
  // A caller without a state (SCARD_STATE_UNAWARE) gets a result at once.
  const bool differs = now != known || known == 0;
  state.event_state = now | (differs ? reader_state::kChanged : 0);
  return differs;
}

Long GetStatusChange(abi::ContextHandle handle, Dword timeout_ms, abi::ReaderState* states, Dword count) {
  Inside inside(handle, Call::kGetStatusChange);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  if (count > The().most_readers) return Code(status::kInvalidParameter);
  const bool knows_pseudo_reader = The().pseudo_reader != PseudoReader::kUnknownReader;
  if (!knows_pseudo_reader && std::any_of(states, states + count, [](const abi::ReaderState& state) {
        return std::strcmp(state.reader, kPnpNotification) == 0;
      })) {
    return Code(status::kUnknownReader);
  }
  FakeContext& context = inside.context();
  const std::size_t readers_before = The().readers.size();
  bool differs = false;
  const auto over = [&] {
    differs = false;
    for (Dword i = 0; i < count; ++i) differs = LookAt(states[i], readers_before) || differs;
    return differs || The().never_waits || context.cancelled || context.dead;
  };
  context.waiting = true;
  const std::chrono::milliseconds time =
      timeout_ms == abi::kInfinite ? kPatience : std::chrono::milliseconds(timeout_ms);
  const bool ended = TheService().changed.wait_for(inside.lock(), time, over);
  context.waiting = false;
  if (context.dead) return Code(status::kNoService);
  if (std::exchange(context.cancelled, false)) return Code(status::kCancelled);
  return ended ? 0 : Code(status::kTimeout);
}

Long Cancel(abi::ContextHandle handle) {
  Lock lock(TheService().mutex);
  (void)Enter(lock, Call::kCancel);
  const auto context = The().contexts.find(handle);
  if (context == The().contexts.end()) {
    The().violations.push_back("a cancel on a context that was released");
  } else if (context->second.waiting) {
    context->second.cancelled = true;
  }
  TheService().changed.notify_all();
  return 0;
}

Long Connect(abi::ContextHandle context, const char* reader, Dword, Dword, abi::CardHandle* handle,
             Dword* protocol) {
  Inside inside(context, Call::kConnect);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  if (The().readers.count(reader) == 0) return Code(status::kUnknownReader);
  WaitForCard(inside.lock(), reader, kNobody);
  if (inside.context().dead) return Code(status::kNoService);
  if (!The().readers[reader].card) return Code(status::kNoSmartcard);
  *handle = ++TheService().last_number;
  *protocol = kT1;
  The().handles[*handle] = {context, reader, The().readers[reader].resets};
  The().log.push_back(std::string("connect ") + reader);
  return 0;
}

Long Reconnect(abi::CardHandle handle, Dword, Dword, Dword initialization, Dword* protocol) {
  Inside inside(ContextOf(handle), Call::kReconnect);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  FakeHandle& open = The().handles[handle];
  FakeReader& reader = The().readers[open.reader];
  if (!reader.card) return Code(status::kNoSmartcard);
  WaitForCard(inside.lock(), open.reader, handle);
  if (initialization != kLeave) ResetCard(reader);
  open.resets_seen = reader.resets;
  *protocol = kT1;
  The().log.push_back(std::string("reconnect ") + Name(initialization));
  return 0;
}

Long Disconnect(abi::CardHandle handle, Dword disposition) {
  Inside inside(ContextOf(handle), Call::kDisconnect);
  if (The().handles.count(handle) == 0) return Code(status::kInvalidHandle);
  // A failing call still releases the handle, as the library does when the daemon has ended.
  FakeReader& reader = The().readers[The().handles[handle].reader];
  if (disposition != kLeave) {
    WaitForCard(inside.lock(), The().handles[handle].reader, handle);
    ResetCard(reader);
  }
  LetGoOf(reader, handle);
  The().handles.erase(handle);
  The().log.push_back(std::string("disconnect ") + Name(disposition));
  return Code(inside.code());
}

Long BeginTransaction(abi::CardHandle handle) {
  Inside inside(ContextOf(handle), Call::kBegin);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  FakeHandle& open = The().handles[handle];
  if (const Status code = CheckCard(open)) return Code(code);
  WaitForCard(inside.lock(), open.reader, handle);
  if (inside.context().dead) return Code(status::kNoService);
  if (const Status code = CheckCard(open)) return Code(code);
  The().readers[open.reader].holder = handle;
  The().log.push_back("begin");
  return 0;
}

Long EndTransaction(abi::CardHandle handle, Dword disposition) {
  const Inside inside(ContextOf(handle), Call::kEnd);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  FakeReader& reader = The().readers[The().handles[handle].reader];
  if (reader.holder != handle) return Code(status::kNotTransacted);
  if (disposition != kLeave) ResetCard(reader);
  LetGoOf(reader, handle);
  The().log.push_back(std::string("end ") + Name(disposition));
  return 0;
}

Long CardStatus(abi::CardHandle handle, char*, Dword*, Dword* state, Dword* protocol, unsigned char* atr,
                Dword* atr_length) {
  const Inside inside(ContextOf(handle), Call::kStatus);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  if (const Status code = CheckCard(The().handles[handle])) return Code(code);
  *state = 0x0040;  // SCARD_SPECIFIC
  *protocol = kT1;
  atr[0] = 0x3b;
  atr[1] = 0x00;
  *atr_length = 2;
  return 0;
}

Long Transmit(abi::CardHandle handle, const abi::IoRequest*, const unsigned char* send, Dword send_length,
              abi::IoRequest*, unsigned char* receive, Dword* receive_length) {
  const Inside inside(ContextOf(handle), Call::kTransmit);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  if (const Status code = CheckCard(The().handles[handle])) return Code(code);
  FakeReader& reader = The().readers[The().handles[handle].reader];
  if (std::equal(send, send + send_length, kVerify.begin(), kVerify.end())) reader.pin_verified = true;
  const auto& response = reader.pin_verified ? kVerified : kNotVerified;
  std::copy(response.begin(), response.end(), receive);
  *receive_length = response.size();
  The().log.push_back("transmit");
  return 0;
}

Long Control(abi::CardHandle handle, Dword, const void*, Dword, void*, Dword, Dword* returned) {
  const Inside inside(ContextOf(handle), Call::kControl);
  *returned = 0;
  return Code(inside.code());
}

Long GetAttrib(abi::CardHandle handle, Dword, unsigned char* value, Dword* length) {
  const Inside inside(ContextOf(handle), Call::kGetAttrib);
  if (inside.code() != status::kSuccess) return Code(inside.code());
  const abi::CardHandle holder = The().readers[The().handles[handle].reader].holder;
  if (holder != kNobody && holder != handle) return Code(status::kSharingViolation);
  value[0] = 'x';
  *length = 1;
  return 0;
}

Long SetAttrib(abi::CardHandle handle, Dword, const unsigned char*, Dword) {
  const Inside inside(ContextOf(handle), Call::kSetAttrib);
  return Code(inside.code());
}

}  // namespace

Library FakeTable() {
  Library table;
  table.path = "the tests' own";
  table.probe_before_begin = true;
  table.unguarded_tables = true;
  table.status_is_mask = true;
  table.reports_readers = true;
  table.establish_context = EstablishContext;
  table.release_context = ReleaseContext;
  table.is_valid_context = IsValidContext;
  table.list_readers = ListReaders;
  table.get_status_change = GetStatusChange;
  table.cancel = Cancel;
  table.connect = Connect;
  table.reconnect = Reconnect;
  table.disconnect = Disconnect;
  table.begin_transaction = BeginTransaction;
  table.end_transaction = EndTransaction;
  table.status = CardStatus;
  table.transmit = Transmit;
  table.control = Control;
  table.get_attrib = GetAttrib;
  table.set_attrib = SetAttrib;
  return table;
}

}  // namespace pcsc_bridge::test
