#include "loop/system_library_windows.h"

#include <string>

namespace pcsc_bridge::platform {

HMODULE LoadSystemLibrary(const wchar_t* name) {
  // LOAD_LIBRARY_SEARCH_SYSTEM32 came with an update of NT 6.0 that may be missing: so the whole path.
  std::wstring path(MAX_PATH, L'\0');
  UINT length = GetSystemDirectoryW(path.data(), MAX_PATH);
  if (length >= MAX_PATH) {
    path.resize(length);
    length = GetSystemDirectoryW(path.data(), length);
  }
  if (length == 0) return nullptr;
  path.resize(length);
  path += L'\\';
  path += name;
  // What the library itself needs is looked for in its own directory, not in the program's.
  return LoadLibraryExW(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
}

void SearchSystemDirectoryAlone() {
  constexpr DWORD kSearchSystem32 = 0x800;  // LOAD_LIBRARY_SEARCH_SYSTEM32
  using SetDefaultDllDirectories = BOOL(WINAPI*)(DWORD);
  SetDllDirectoryW(L"");
  const auto set = reinterpret_cast<SetDefaultDllDirectories>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "SetDefaultDllDirectories")));
  if (set != nullptr) set(kSearchSystem32);
}

}  // namespace pcsc_bridge::platform
