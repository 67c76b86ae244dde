// Text of Windows as UTF-8.
#pragma once

#include <windows.h>

#include <cstddef>
#include <string>

namespace pcsc_bridge {

inline std::string Utf8(const wchar_t* text, std::size_t size) {
  const int length = static_cast<int>(size);
  const int bytes = WideCharToMultiByte(CP_UTF8, 0, text, length, nullptr, 0, nullptr, nullptr);
  std::string converted(static_cast<std::size_t>(bytes), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text, length, converted.data(), bytes, nullptr, nullptr);
  return converted;
}

}  // namespace pcsc_bridge
