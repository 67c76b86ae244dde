// The one service of the process: its readers and cards, who is connected, and what the script wants of it.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pcsc/status.h"
#include "platform.h"

namespace fake_pcsc {

using Bytes = std::vector<std::uint8_t>;
using abi::Dword;
using pcsc_bridge::Status;
namespace status = pcsc_bridge::status;
using Lock = std::unique_lock<std::mutex>;

inline constexpr abi::CardHandle kNobody = 0;
inline constexpr abi::CardHandle kOtherProcess = 1;  // the handles we give begin far above
inline constexpr const char* kPnpNotification = "\\\\?PnP?\\Notification";

// How the service answers where libraries differ. A script chooses a whole semantics, or one of these.
struct Settings {
  bool status_is_mask;              // SCardStatus: pcsc-lite's mask and event count, or the enumeration
  bool begin_tells_of_reset;        // Windows 8, pcsc-lite; before, a Begin succeeds and the next call tells
  bool refuse_while_held;           // GetAttrib and Control: SHARING_VIOLATION at once (pcsc-lite), or wait
  bool connect_waits;               // Connect waits for somebody's transaction (pcsc-lite)
  bool unknown_reader_fails;        // GetStatusChange: UNKNOWN_READER (pcsc-lite), or SCARD_STATE_UNKNOWN
  bool status_change_waits = true;  // or returns at once, changed or not (Wine, redirected readers)
  bool pseudo_reader = true;        // GetStatusChange knows \\?PnP?\Notification (macOS does not)
  Dword largest_item = 64 * 1024;   // SCardWriteCache
  Dword largest_output;             // SCardControl: ERROR_INVALID_FUNCTION for a longer buffer (Windows)
  Status stopped_code;              // what the contexts answer whose service stops

  explicit Settings(Semantics semantics = platform::kSemantics);
};

struct Reader {
  bool has_card = false;
  bool mute = false;
  Bytes atr;
  Dword protocols = 0;      // that the card speaks
  Dword extra_state = 0;    // more bits for GetStatusChange
  unsigned insertions = 0;  // cards so far: a handle knows the one it connected to
  unsigned resets = 0;
  Dword events = 0;  // what GetStatusChange counts in the high word
  abi::CardHandle holder = kNobody;
  abi::CardHandle exclusive = kNobody;
  std::map<Dword, Bytes> attributes;
  std::map<Dword, Bytes> controls;
  std::vector<std::pair<Bytes, Bytes>> answers;  // the last whose first bytes are the APDU's
};

struct Handle {
  abi::ContextHandle context = 0;
  std::string reader;
  Dword share_mode = 0;
  Dword protocol = 0;
  unsigned insertions_seen = 0;
  unsigned resets_seen = 0;
};

struct Context {
  unsigned inside = 0;  // the thread in a call on it
  std::string call;     // which
  bool dead = false;    // its service has stopped, and answers this:
  Status dead_code = status::kSuccess;
  bool waiting = false;
  bool cancelled = false;
};

// What happens at a call, from the script's `on`.
struct Rule {
  std::string function;
  int skip = 0;
  int times = 1;  // negative: always
  std::string action;
  std::vector<std::string> arguments;
};

struct Item {
  Dword freshness = 0;
  Bytes data;
};

// Guarded by the mutex.
struct State {
  Settings settings;
  std::map<std::string, Reader> readers;
  std::map<abi::ContextHandle, Context> contexts;
  std::map<abi::CardHandle, Handle> handles;
  std::map<std::pair<std::array<std::uint8_t, 16>, std::string>, Item> items;
  std::deque<Rule> rules;
  std::map<std::string, unsigned> goes;  // by function: how often its stuck calls were let go
  bool running = true;
  abi::CardHandle last_number = 0x1000;  // never used again, so that a stale handle is found out
};

struct Service {
  std::mutex mutex;
  std::condition_variable changed;
  State state;
};

// Never destroyed: threads may be inside a call when the process ends.
Service& TheService();
inline State& The() {
  return TheService().state;
}

// All with the lock held.
void InsertCard(Reader& reader, Bytes atr, Dword protocols);
void RemoveCard(Reader& reader);
void ResetCard(Reader& reader);
void StopService(Status code);
// What a call on this handle hears of its card: success, or that it went or was reset.
Status CheckCard(const Handle& handle);
// Waits while somebody else is in a transaction on the reader's card.
void WaitForCard(Lock& lock, const std::string& reader, abi::CardHandle handle);
void LetGo(abi::CardHandle handle);

}  // namespace fake_pcsc
