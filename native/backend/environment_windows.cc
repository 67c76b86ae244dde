#include <windows.h>

#include <vector>

#include "backend/environment.h"
#include "backend/library/library.h"

namespace pcsc_bridge::platform {

std::string ReadVariable(const char* name) {
  const std::wstring wide = ToNative(name);
  std::vector<wchar_t> value(MAX_PATH);
  for (;;) {
    const DWORD room = static_cast<DWORD>(value.size());
    const DWORD length = GetEnvironmentVariableW(wide.c_str(), value.data(), room);
    if (length < room) return FromNative(value.data(), length);
    value.resize(length);  // with the zero that ends it
  }
}

}  // namespace pcsc_bridge::platform
