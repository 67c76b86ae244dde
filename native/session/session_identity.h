// The owner of a card: the key of the card cache (KB949538: session id and session connect time), and the
// user if it is known.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace pcsc_bridge {

struct SessionIdentity {
  std::uint32_t id = 0;
  // 100-ns ticks since 1601-01-01 UTC (FILETIME); 0 = unknown.
  std::uint64_t connect_time = 0;
  // Distinguishes sessions whose connect time is unknown. An id alone is reused after a logoff, so two of
  // them are never the same session, unless the caller knows that they are (the same open session). 0 if
  // the connect time is known, or the id is never used again (audit sessions).
  std::uint64_t instance = 0;
  // Distinguishes the users of one session (su, a service): the uid in decimal, or the SID, of a
  // connection's peer. Empty if it is unknown; an unknown user equals no known one.
  std::string user_id{};

  friend bool operator==(const SessionIdentity& a, const SessionIdentity& b) {
    return a.id == b.id && a.connect_time == b.connect_time && a.instance == b.instance &&
           a.user_id == b.user_id;
  }
  friend bool operator!=(const SessionIdentity& a, const SessionIdentity& b) { return !(a == b); }
};

// A number for SessionIdentity::instance that no other call in this process gets. Thread safe.
inline std::uint64_t NewSessionInstance() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace pcsc_bridge
