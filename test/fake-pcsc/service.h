// The one service of the process: its readers and cards, its connections, and the rules of the script.
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
inline constexpr abi::CardHandle kOtherProcess = 1;  // The handles that the service issues begin far above.
inline constexpr const char* kPnpNotification = "\\\\?PnP?\\Notification";

// The behaviour in which libraries differ. A script chooses a whole set, or one of these.
struct Settings {
  bool status_is_mask;        // SCardStatus: pcsc-lite's mask and event count, or the enumeration
  bool begin_tells_of_reset;  // Windows 8, pcsc-lite; before, a Begin succeeds and the next call reports it
  bool refuse_while_held;     // GetAttrib and Control: SHARING_VIOLATION at once (pcsc-lite), or wait
  bool connect_waits;         // Connect waits for another program's transaction (pcsc-lite)
  bool unknown_reader_fails;  // GetStatusChange: UNKNOWN_READER (pcsc-lite), or SCARD_STATE_UNKNOWN
  bool status_change_waits = true;  // or returns at once, changed or not (Wine, redirected readers)
  bool pseudo_reader = true;        // GetStatusChange supports \\?PnP?\Notification (macOS does not)
  Dword largest_item = 64 * 1024;   // SCardWriteCache
  Dword largest_output;             // SCardControl: ERROR_INVALID_FUNCTION for a longer buffer (Windows)
  Status stopped_code;              // the result of calls on contexts of a stopped service

  explicit Settings(Semantics semantics = platform::kSemantics);
};

struct Reader {
  bool has_card = false;
  bool mute = false;
  Bytes atr;
  Dword protocols = 0;      // that the card supports
  Dword extra_state = 0;    // more bits for GetStatusChange
  unsigned insertions = 0;  // cards so far: a handle stores the one it connected to
  unsigned resets = 0;
  Dword events = 0;  // the count in the high word for GetStatusChange
  abi::CardHandle holder = kNobody;
  abi::CardHandle exclusive = kNobody;
  std::map<Dword, Bytes> attributes;
  std::map<Dword, Bytes> controls;
  std::vector<std::pair<Bytes, Bytes>> answers;  // the last one whose first bytes match the APDU's
};

struct Handle {
  abi::ContextHandle context = 0;
  std::string reader;
  Dword share_mode = 0;
  Dword protocol = 0;
  unsigned insertions_seen = 0;
  unsigned resets_seen = 0;
  bool disconnect_failed = false;  // its context releases it
};

struct Context {
  unsigned inside = 0;  // the thread in a call on it
  std::string call;     // which
  bool dead = false;    // its service has stopped, and calls return this:
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
  std::map<std::string, unsigned> goes;  // by function: how often its stuck calls were released
  bool running = true;
  abi::CardHandle last_number = 0x1000;  // never reused, so that a stale handle is detected
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
// The result for a call on this handle: success, or that its card was removed or reset.
Status CheckCard(const Handle& handle);
// Waits while another handle is in a transaction on the reader's card.
void WaitForCard(Lock& lock, const std::string& reader, abi::CardHandle handle);
void LetGo(abi::CardHandle handle);

}  // namespace fake_pcsc
