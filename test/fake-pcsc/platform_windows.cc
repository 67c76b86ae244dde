#include <windows.h>

#include "platform.h"

namespace fake_pcsc::platform {

const Semantics kSemantics = Semantics::kWindows;

std::FILE* OpenFile(const char* variable, const char* mode) {
  wchar_t path[4096];
  const DWORD length = GetEnvironmentVariableW(FromUtf8(variable).c_str(), path, 4096);
  if (length == 0 || length >= 4096) return nullptr;
  std::FILE* file = _wfopen(path, FromUtf8(mode).c_str());
  if (file != nullptr) (void)std::setvbuf(file, nullptr, _IONBF, 0);
  return file;
}

std::string ToUtf8(const abi::Char* text) {
  const int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
  if (size <= 0) return "(not UTF-16)";
  std::string utf8(static_cast<std::size_t>(size), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text, -1, utf8.data(), size, nullptr, nullptr);
  utf8.pop_back();
  return utf8;
}

std::basic_string<abi::Char> FromUtf8(const std::string& text) {
  const int size = MultiByteToWideChar(CP_UTF8, 0, text.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<std::size_t>(size), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.c_str(), -1, wide.data(), size);
  wide.pop_back();
  return wide;
}

}  // namespace fake_pcsc::platform
