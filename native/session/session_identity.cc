#include "session/session_identity.h"

#include <atomic>

namespace pcsc_bridge {

std::uint64_t NewSessionInstance() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace pcsc_bridge
