#include "doctor/registry_windows.h"

#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "backend/library/library.h"

namespace pcsc_bridge::doctor {
namespace {

using platform::FromNative;
using platform::ToNative;

const char* TypeName(DWORD type) {
  switch (type) {
    case REG_NONE:
      return "REG_NONE";
    case REG_SZ:
      return "REG_SZ";
    case REG_EXPAND_SZ:
      return "REG_EXPAND_SZ";
    case REG_BINARY:
      return "REG_BINARY";
    case REG_DWORD:
      return "REG_DWORD";
    case REG_DWORD_BIG_ENDIAN:
      return "REG_DWORD_BIG_ENDIAN";
    case REG_MULTI_SZ:
      return "REG_MULTI_SZ";
    case REG_QWORD:
      return "REG_QWORD";
    default:
      return "of an unknown type";
  }
}

std::string TextOf(const std::vector<BYTE>& data) {
  std::vector<wchar_t> text(data.size() / sizeof(wchar_t));
  std::memcpy(text.data(), data.data(), text.size() * sizeof(wchar_t));
  while (!text.empty() && text.back() == L'\0') text.pop_back();
  return FromNative(text.data(), text.size());
}

std::string Hexadecimal(const std::vector<BYTE>& data) {
  constexpr std::size_t kShown = 16;
  std::string text;
  for (std::size_t i = 0; i < data.size() && i < kShown; ++i) {
    char byte[4];
    std::snprintf(byte, sizeof(byte), "%02x ", data[i]);
    text += byte;
  }
  return text + (data.size() > kShown ? "..." : "");
}

struct RawValue {
  DWORD type = REG_NONE;
  std::vector<BYTE> data;
};

LONG Read(HKEY key, const std::string& name, RawValue& value) {
  const std::wstring wide = ToNative(name);
  value.data.resize(64);
  for (;;) {
    DWORD size = static_cast<DWORD>(value.data.size());
    const LONG answer = RegQueryValueExW(key, wide.c_str(), nullptr, &value.type, value.data.data(), &size);
    // It may have grown since its size was read.
    if (answer == ERROR_MORE_DATA && size > value.data.size()) {
      value.data.resize(size);
      continue;
    }
    value.data.resize(answer == ERROR_SUCCESS ? size : 0);
    return answer;
  }
}

}  // namespace

std::string WindowsError(const char* function, LONG error) {
  if (error == ERROR_ACCESS_DENIED) return std::string("access is denied (") + function + ")";
  if (error == ERROR_FILE_NOT_FOUND) return std::string("it is not there (") + function + ")";
  return std::string(function) + ": Windows error " + std::to_string(error);
}

RegistryKey OpenKey(const std::string& path, REGSAM access, View view, LONG& error) {
  HKEY opened = nullptr;
  error = RegOpenKeyExW(HKEY_LOCAL_MACHINE, ToNative(path).c_str(), 0, access | static_cast<REGSAM>(view),
                        &opened);
  return error == ERROR_SUCCESS ? RegistryKey(opened) : nullptr;
}

Fact<RegistryValue> ReadRegistryValue(const std::string& path, const std::string& name, View view) {
  LONG error = ERROR_SUCCESS;
  const RegistryKey key = OpenKey(path, KEY_QUERY_VALUE, view, error);
  if (!key && error == ERROR_FILE_NOT_FOUND) return RegistryValue{};
  if (!key) return Fact<RegistryValue>::Unknown("HKLM\\" + path + ": " + WindowsError("RegOpenKeyEx", error));

  RawValue raw;
  error = Read(key.get(), name, raw);
  if (error == ERROR_FILE_NOT_FOUND) return RegistryValue{};
  if (error != ERROR_SUCCESS) return Fact<RegistryValue>::Unknown(WindowsError("RegQueryValueEx", error));

  RegistryValue value;
  value.present = true;
  value.type = raw.type;
  value.data = std::string(TypeName(raw.type)) + " ";
  if (raw.type == REG_DWORD && raw.data.size() == sizeof(DWORD)) {
    DWORD number = 0;
    std::memcpy(&number, raw.data.data(), sizeof(number));
    value.number = number;
    value.data += std::to_string(number);
  } else if (raw.type == REG_SZ || raw.type == REG_EXPAND_SZ) {
    value.data += "\"" + TextOf(raw.data) + "\"";
  } else {
    value.data += Hexadecimal(raw.data) + "(" + std::to_string(raw.data.size()) + " bytes)";
  }
  return value;
}

Fact<std::string> ReadRegistryText(const std::string& path, const std::string& name) {
  LONG error = ERROR_SUCCESS;
  const RegistryKey key = OpenKey(path, KEY_QUERY_VALUE, View::k64, error);
  RawValue raw;
  if (key) error = Read(key.get(), name, raw);
  if (error != ERROR_SUCCESS) return Fact<std::string>::Unknown(WindowsError("RegQueryValueEx", error));
  if (raw.type != REG_SZ) return Fact<std::string>::Unknown(name + " is not a REG_SZ");
  return TextOf(raw.data);
}

Fact<FileTime> ReadLastWrite(const std::string& path) {
  LONG error = ERROR_SUCCESS;
  const RegistryKey key = OpenKey(path, KEY_QUERY_VALUE, View::k64, error);
  FILETIME time{};
  if (key) {
    error = RegQueryInfoKeyW(key.get(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
                             nullptr, nullptr, nullptr, &time);
  }
  if (error == ERROR_FILE_NOT_FOUND) return Fact<FileTime>::Unknown("there is no such key");
  if (error != ERROR_SUCCESS) return Fact<FileTime>::Unknown(WindowsError("RegQueryInfoKey", error));
  return static_cast<FileTime>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
}

Fact<bool> ForEachSubkey(const std::string& path, const std::function<void(const std::string&)>& tell) {
  LONG error = ERROR_SUCCESS;
  const RegistryKey key = OpenKey(path, KEY_ENUMERATE_SUB_KEYS, View::k64, error);
  if (!key) return Fact<bool>::Unknown(WindowsError("RegOpenKeyEx", error));
  for (DWORD i = 0;; ++i) {
    wchar_t name[256];  // the longest a key's name can be, and a zero
    DWORD length = 256;
    error = RegEnumKeyExW(key.get(), i, name, &length, nullptr, nullptr, nullptr, nullptr);
    if (error == ERROR_NO_MORE_ITEMS) return true;
    if (error != ERROR_SUCCESS) return Fact<bool>::Unknown(WindowsError("RegEnumKeyEx", error));
    tell(FromNative(name, length));
  }
}

}  // namespace pcsc_bridge::doctor
