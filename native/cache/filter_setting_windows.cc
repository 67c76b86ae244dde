// The setting in the registry, as KB949538 has it.
#include <windows.h>

#include <memory>
#include <type_traits>

#include "backend/library/library.h"
#include "cache/filter_store.h"

namespace pcsc_bridge {
namespace {

struct CloseKey {
  void operator()(HKEY key) const { RegCloseKey(key); }
};
using Key = std::unique_ptr<std::remove_pointer_t<HKEY>, CloseKey>;

std::optional<bool> ReadValue() {
  HKEY opened = nullptr;
  // The 64-bit view also from a 32-bit program: HKLM\SOFTWARE is redirected for these.
  if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, platform::ToNative(kFilterKey).c_str(), 0,
                    KEY_QUERY_VALUE | KEY_WOW64_64KEY, &opened) != ERROR_SUCCESS) {
    return std::nullopt;
  }
  const Key key(opened);
  DWORD type = REG_NONE;
  DWORD number = 0;
  DWORD size = sizeof(number);
  const LONG answer = RegQueryValueExW(key.get(), platform::ToNative(kFilterName).c_str(), nullptr, &type,
                                       reinterpret_cast<BYTE*>(&number), &size);
  if (answer == ERROR_MORE_DATA) return false;  // there, but longer than a REG_DWORD
  if (answer != ERROR_SUCCESS) return std::nullopt;
  return type == REG_DWORD && size == sizeof(number) && number == 1;
}

}  // namespace

StoredFilter ReadStoredFilter() {
  return {ReadValue(), std::string("registry value HKLM\\") + kFilterKey + "\\" + kFilterName};
}

}  // namespace pcsc_bridge
