#include "session/user_name.h"

#include <pwd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace pcsc_bridge {

std::string UserName(uid_t uid) {
  constexpr std::size_t kLargestEntry = 1 << 20;
  for (std::size_t size = 1024; size <= kLargestEntry; size *= 4) {
    std::vector<char> buffer(size);
    passwd entry{};
    passwd* found = nullptr;
    const int error = getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (error == 0 && found != nullptr) return found->pw_name;
    break;
  }
  return std::to_string(uid);
}

}  // namespace pcsc_bridge
