// LoadLibrary of winscard.dll.
#include <windows.h>

#include <vector>

#include "backend/library/library.h"
#include "loop/system_library_windows.h"

namespace pcsc_bridge::platform {

Result<LoadedLibrary> OpenPcscLibrary(const std::string& configured) {
  // By its whole path or as the system finds it: what the user names.
  const HMODULE module =
      configured.empty() ? LoadSystemLibrary(L"winscard.dll") : LoadLibraryW(ToNative(configured).c_str());
  const DWORD error = GetLastError();
  const std::string name = configured.empty() ? "winscard.dll" : configured;
  if (module == nullptr) {
    return Error{status::kLibraryMissing, "LoadLibrary", "",
                 name + " cannot be loaded (Windows error " + std::to_string(error) +
                     "); it is part of Windows: check the installation or PCSC_BRIDGE_LIBRARY"};
  }
  return LoadedLibrary{reinterpret_cast<void*>(module), name};
}

void* FindFunction(const LoadedLibrary& library, const char* name) {
  const auto module = reinterpret_cast<HMODULE>(library.handle);
  FARPROC function = GetProcAddress(module, (std::string(name) + "W").c_str());
  if (function == nullptr) function = GetProcAddress(module, name);
  return reinterpret_cast<void*>(function);
}

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

NativeString ToNative(std::string_view utf8) {
  const int size = static_cast<int>(utf8.size());
  const int length = MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, nullptr, 0);
  NativeString text(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, text.data(), length);
  return text;
}

std::string FromNative(const abi::Char* text, std::size_t length) {
  const int size = static_cast<int>(length);
  const int bytes = WideCharToMultiByte(CP_UTF8, 0, text, size, nullptr, 0, nullptr, nullptr);
  std::string utf8(static_cast<std::size_t>(bytes), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text, size, utf8.data(), bytes, nullptr, nullptr);
  return utf8;
}

}  // namespace pcsc_bridge::platform
