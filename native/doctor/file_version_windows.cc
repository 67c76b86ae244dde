#include "doctor/file_version_windows.h"

#include <windows.h>

#include <vector>

#include "backend/library/library.h"
#include "doctor/registry_windows.h"

namespace pcsc_bridge::doctor {
namespace {

using platform::ToNative;

std::wstring DirectoryOf(UINT(WINAPI* directory)(LPWSTR, UINT)) {
  wchar_t path[MAX_PATH];
  const UINT length = directory(path, MAX_PATH);
  return length > 0 && length < MAX_PATH ? std::wstring(path, length) : std::wstring();
}

// version.dll by its full path: a file of that name beside the program would be loaded else.
struct VersionLibrary {
  using GetSize = DWORD(WINAPI*)(LPCWSTR, LPDWORD);
  using GetInfo = BOOL(WINAPI*)(LPCWSTR, DWORD, DWORD, LPVOID);
  using Query = BOOL(WINAPI*)(LPCVOID, LPCWSTR, LPVOID*, PUINT);

  GetSize get_size = nullptr;
  GetInfo get_info = nullptr;
  Query query = nullptr;

  VersionLibrary() {
    const std::wstring directory = DirectoryOf(GetSystemDirectoryW);
    if (directory.empty()) return;
    const HMODULE module = LoadLibraryW((directory + L"\\version.dll").c_str());
    if (module == nullptr) return;
    get_size = Find<GetSize>(module, "GetFileVersionInfoSizeW");
    get_info = Find<GetInfo>(module, "GetFileVersionInfoW");
    query = Find<Query>(module, "VerQueryValueW");
  }

 private:
  template <class Function>
  static Function Find(HMODULE module, const char* name) {
    return reinterpret_cast<Function>(reinterpret_cast<void*>(GetProcAddress(module, name)));
  }
};

}  // namespace

Fact<FileVersion> VersionOfSystemFile(const std::string& name, bool wow64) {
  static const VersionLibrary library;
  if (library.get_size == nullptr || library.get_info == nullptr || library.query == nullptr) {
    return Fact<FileVersion>::Unknown("version.dll cannot be loaded");
  }
  const std::wstring directory =
      wow64 ? DirectoryOf(GetSystemWindowsDirectoryW) + L"\\Sysnative" : DirectoryOf(GetSystemDirectoryW);
  const std::wstring path = directory + L"\\" + ToNative(name);

  DWORD ignored = 0;
  const DWORD size = library.get_size(path.c_str(), &ignored);
  if (size == 0) {
    const DWORD error = GetLastError();
    const bool absent = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
    return Fact<FileVersion>::Unknown(absent
                                          ? "there is no such file in the system directory"
                                          : WindowsError("GetFileVersionInfoSize", static_cast<LONG>(error)));
  }
  std::vector<char> info(size);
  void* fixed = nullptr;
  UINT length = 0;
  if (!library.get_info(path.c_str(), 0, size, info.data()) ||
      !library.query(info.data(), L"\\", &fixed, &length) || length < sizeof(VS_FIXEDFILEINFO)) {
    return Fact<FileVersion>::Unknown("the file has no version");
  }
  const auto* version = static_cast<const VS_FIXEDFILEINFO*>(fixed);
  return FileVersion{HIWORD(version->dwFileVersionMS), LOWORD(version->dwFileVersionMS),
                     HIWORD(version->dwFileVersionLS), LOWORD(version->dwFileVersionLS)};
}

}  // namespace pcsc_bridge::doctor
