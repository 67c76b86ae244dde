#include <unistd.h>

#include <cstdlib>

#include "backend/environment.h"

namespace pcsc_bridge::platform {

std::string ReadVariable(const char* name) {
#if defined(__APPLE__)
  const char* const value = issetugid() != 0 ? nullptr : std::getenv(name);
#else
  const char* const value = secure_getenv(name);
#endif
  return value != nullptr ? value : "";
}

}  // namespace pcsc_bridge::platform
