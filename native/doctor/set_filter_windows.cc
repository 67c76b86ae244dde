#include "doctor/set_filter.h"

#include "backend/library/library.h"
#include "doctor/hotfix_949538.h"
#include "doctor/registry_windows.h"

namespace pcsc_bridge::doctor {
namespace {

using platform::ToNative;

Error Fail(const char* function, LONG error) {
  const std::string what = std::string("writing HKLM\\") + hotfix::kKey + "\\" + hotfix::kValue + ": ";
  if (error == ERROR_ACCESS_DENIED) {
    return Error{
        ERROR_ACCESS_DENIED, function, "",
        what + "this takes an administrator; run it from a prompt started with \"Run as administrator\""};
  }
  return Error{static_cast<Status>(error), function, "", what + "Windows error " + std::to_string(error)};
}

template <class Number>
LONG Set(HKEY key, const char* name, DWORD type, Number number) {
  return RegSetValueExW(key, ToNative(name).c_str(), 0, type, reinterpret_cast<const BYTE*>(&number),
                        sizeof(number));
}

}  // namespace

Result<FilterWritten> WriteFilter(bool on) {
  FilterWritten written;
  written.place = std::string("registry value HKLM\\") + hotfix::kKey + "\\" + hotfix::kValue;
  const DWORD wanted = on ? hotfix::kEnabled : hotfix::kDisabled;
  const Fact<RegistryValue> before = ReadRegistryValue(hotfix::kKey, hotfix::kValue, View::k64);
  if (before.known() && before->number == wanted) {
    written.note = "It was set already; nothing was written.";
    return written;
  }

  HKEY opened = nullptr;
  LONG error = RegCreateKeyExW(HKEY_LOCAL_MACHINE, ToNative(hotfix::kKey).c_str(), 0, nullptr, 0,
                               KEY_SET_VALUE | KEY_WOW64_64KEY, nullptr, &opened, nullptr);
  if (error != ERROR_SUCCESS) return Fail("RegCreateKeyEx", error);
  const RegistryKey key(opened);
  error = Set(key.get(), hotfix::kValue, REG_DWORD, wanted);
  if (error != ERROR_SUCCESS) return Fail("RegSetValueEx", error);
  written.changed = true;
  written.note = "Restart Windows: the setting is read when it starts.";

  FILETIME now{};
  GetSystemTimeAsFileTime(&now);
  const FileTime time = static_cast<FileTime>(now.dwHighDateTime) << 32 | now.dwLowDateTime;
  if (Set(key.get(), kSetByUsName, REG_QWORD, time) != ERROR_SUCCESS) {
    written.note += " (The time of this could not be noted beside it.)";
  }
  return written;
}

}  // namespace pcsc_bridge::doctor
