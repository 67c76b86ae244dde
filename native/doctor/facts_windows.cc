// Facts about Windows. NT 6.0 has every function that is used here.
#include <windows.h>

#include <algorithm>
#include <string_view>

#include "doctor/facts.h"
#include "doctor/file_version_windows.h"
#include "doctor/hotfix_949538.h"
#include "doctor/registry_windows.h"
#include "doctor/servicing.h"
#include "doctor/set_filter.h"

namespace pcsc_bridge::doctor {
namespace {

using Text = Fact<std::string>;

constexpr char kCurrentVersion[] = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
constexpr char kPackages[] =
    "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\Packages";
// The set-up class of smart card readers, GUID_DEVCLASS_SMARTCARDREADER.
constexpr char kReaderClass[] =
    "SYSTEM\\CurrentControlSet\\Control\\Class\\{50DD5230-BA8A-11D1-BF5D-0000F805F530}";

FARPROC FindInNtdll(const char* name) {
  const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  return ntdll != nullptr ? GetProcAddress(ntdll, name) : nullptr;
}

// GetVersionEx depends on the program's manifest; RtlGetVersion returns the actual version.
Fact<WindowsVersion> ReadVersion() {
  using GetVersion = LONG(WINAPI*)(OSVERSIONINFOEXW*);
  const auto get = reinterpret_cast<GetVersion>(reinterpret_cast<void*>(FindInNtdll("RtlGetVersion")));
  OSVERSIONINFOEXW info{};
  info.dwOSVersionInfoSize = sizeof(info);
  if (get == nullptr || get(&info) != 0) return Fact<WindowsVersion>::Unknown("RtlGetVersion failed");
  WindowsVersion version;
  version.major = info.dwMajorVersion;
  version.minor = info.dwMinorVersion;
  version.build = info.dwBuildNumber;
  version.service_pack = info.wServicePackMajor;
  version.server = info.wProductType != VER_NT_WORKSTATION;
  version.many_terminal_users =
      (info.wSuiteMask & VER_SUITE_TERMINAL) != 0 && (info.wSuiteMask & VER_SUITE_SINGLEUSERTS) == 0;
  return version;
}

Text ReadWine() {
  using GetVersion = const char*(CDECL*)();
  const auto get = reinterpret_cast<GetVersion>(reinterpret_cast<void*>(FindInNtdll("wine_get_version")));
  return get != nullptr ? std::string(get()) : std::string();
}

Text ReadArchitecture() {
  SYSTEM_INFO info{};
  GetNativeSystemInfo(&info);
  switch (info.wProcessorArchitecture) {
    case PROCESSOR_ARCHITECTURE_INTEL:
      return std::string("x86");
    case PROCESSOR_ARCHITECTURE_AMD64:
      return std::string("x64");
    case PROCESSOR_ARCHITECTURE_IA64:
      return std::string("ia64");
    case 12:  // PROCESSOR_ARCHITECTURE_ARM64, which came later
      return std::string("arm64");
    default:
      return Text::Unknown("processor architecture " + std::to_string(info.wProcessorArchitecture));
  }
}

Fact<bool> ReadWow64() {
  BOOL wow64 = FALSE;
  if (!IsWow64Process(GetCurrentProcess(), &wow64)) {
    return Fact<bool>::Unknown(WindowsError("IsWow64Process", static_cast<LONG>(GetLastError())));
  }
  return wow64 != FALSE;
}

Fact<FileTime> ReadBootTime() {
  FILETIME now{};
  GetSystemTimeAsFileTime(&now);
  const FileTime time = static_cast<FileTime>(now.dwHighDateTime) << 32 | now.dwLowDateTime;
  return time - GetTickCount64() * 10'000;
}

// Names of packages are ASCII; `prefix` is in lower case.
bool StartsWith(const std::string& text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  return std::equal(prefix.begin(), prefix.end(), text.begin(), [](char wanted, char there) {
    return wanted == (there >= 'A' && there <= 'Z' ? there - 'A' + 'a' : there);
  });
}

Fact<std::vector<ServicingPackage>> ReadPackages() {
  std::vector<ServicingPackage> packages;
  const Fact<bool> read = ForEachSubkey(kPackages, [&packages](const std::string& name) {
    if (!StartsWith(name, hotfix::kPackagePrefix)) return;
    ServicingPackage package;
    package.name = name;
    const std::string key = std::string(kPackages) + "\\" + name;
    const Fact<RegistryValue> state = ReadRegistryValue(key, "CurrentState", View::k64);
    if (state.known()) package.state = state->number;
    packages.push_back(std::move(package));
  });
  if (!read.known()) return Fact<std::vector<ServicingPackage>>::Unknown(read.reason);
  return packages;
}

Fact<std::vector<std::string>> ReadReaderDrivers() {
  std::vector<std::string> drivers;
  const Fact<bool> read = ForEachSubkey(kReaderClass, [&drivers](const std::string& name) {
    const std::string key = std::string(kReaderClass) + "\\" + name;
    const Text description = ReadRegistryText(key, "DriverDesc");
    if (!description.known()) return;
    const Text provider = ReadRegistryText(key, "ProviderName");
    const Text version = ReadRegistryText(key, "DriverVersion");
    drivers.push_back(*description + (provider.known() ? ", " + *provider : "") +
                      (version.known() ? " " + *version : ""));
  });
  if (!read.known()) return Fact<std::vector<std::string>>::Unknown(read.reason);
  return drivers;
}

Fact<FileTime> ReadOwnMarker() {
  LONG error = ERROR_SUCCESS;
  const RegistryKey key = OpenKey(hotfix::kKey, KEY_QUERY_VALUE, View::k64, error);
  FileTime time = 0;
  if (key) {
    DWORD type = REG_NONE;
    DWORD size = sizeof(time);
    error = RegQueryValueExW(key.get(), platform::ToNative(kSetByUsName).c_str(), nullptr, &type,
                             reinterpret_cast<BYTE*>(&time), &size);
    if (error == ERROR_SUCCESS && (type != REG_QWORD || size != sizeof(time))) time = 0;
  }
  if (error == ERROR_SUCCESS) return time;
  if (error == ERROR_FILE_NOT_FOUND) return FileTime{0};
  return Fact<FileTime>::Unknown(WindowsError("RegQueryValueEx", error));
}

struct CloseService {
  void operator()(SC_HANDLE handle) const { CloseServiceHandle(handle); }
};
using ServiceHandle = std::unique_ptr<std::remove_pointer_t<SC_HANDLE>, CloseService>;

Text ReadService(const wchar_t* name) {
  const ServiceHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
  if (!manager) return Text::Unknown(WindowsError("OpenSCManager", static_cast<LONG>(GetLastError())));
  const ServiceHandle service(OpenServiceW(manager.get(), name, SERVICE_QUERY_STATUS));
  if (!service) {
    const DWORD error = GetLastError();
    if (error == ERROR_SERVICE_DOES_NOT_EXIST) return std::string("not installed");
    return Text::Unknown(WindowsError("OpenService", static_cast<LONG>(error)));
  }
  SERVICE_STATUS status{};
  if (!QueryServiceStatus(service.get(), &status)) {
    return Text::Unknown(WindowsError("QueryServiceStatus", static_cast<LONG>(GetLastError())));
  }
  switch (status.dwCurrentState) {
    case SERVICE_RUNNING:
      return std::string("running");
    case SERVICE_STOPPED:
      return std::string("stopped");
    case SERVICE_START_PENDING:
      return std::string("starting");
    case SERVICE_STOP_PENDING:
      return std::string("stopping");
    default:
      return "in state " + std::to_string(status.dwCurrentState);
  }
}

void ReadLibrary(const Surroundings& surroundings, bool wow64, PcscFacts& pcsc) {
  if (!surroundings.library) return;
  const auto address = reinterpret_cast<LPCWSTR>(surroundings.library.value()->establish_context);
  HMODULE module = nullptr;
  wchar_t path[MAX_PATH];
  DWORD length = 0;
  if (GetModuleHandleExW(
          GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, address,
          &module)) {
    length = GetModuleFileNameW(module, path, MAX_PATH);
  }
  if (length > 0 && length < MAX_PATH) {
    pcsc.library_file = platform::FromNative(path, length);
  }
  const Fact<FileVersion> version = VersionOfSystemFile("winscard.dll", wow64);
  pcsc.library_version = version.known() ? Text(ToText(*version) + " (winscard.dll in the system directory)")
                                         : Text::Unknown(version.reason);
}

}  // namespace

Platform ThisPlatform() {
  return Platform::kWindows;
}

void CollectSystemFacts(const Surroundings& surroundings, HostFacts& facts) {
  WindowsFacts windows;
  windows.product = ReadRegistryText(kCurrentVersion, "ProductName");
  windows.version = ReadVersion();
  windows.architecture = ReadArchitecture();
  windows.wow64 = ReadWow64();
  windows.wine = ReadWine();
  const bool wow64 = windows.wow64.known() && *windows.wow64;

  windows.basecsp = VersionOfSystemFile(hotfix::kFiles[0], wow64);
  windows.scksp = VersionOfSystemFile(hotfix::kFiles[1], wow64);
  windows.packages = ReadPackages();

  windows.filter = ReadRegistryValue(hotfix::kKey, hotfix::kValue, View::k64);
  const bool one_view = windows.architecture.known() && *windows.architecture == "x86";
  windows.filter_32 = one_view ? Fact<RegistryValue>::Unknown("a system of 32 bits has one view only")
                               : ReadRegistryValue(hotfix::kKey, hotfix::kValue, View::k32);
  windows.filter_key_written = ReadLastWrite(hotfix::kKey);
  windows.filter_set_by_us = ReadOwnMarker();
  windows.booted = ReadBootTime();

  windows.smart_card_service = ReadService(L"SCardSvr");
  windows.terminal_service = ReadService(L"TermService");
  windows.reader_drivers = ReadReaderDrivers();
  ReadLibrary(surroundings, wow64, facts.pcsc);
  facts.windows = std::move(windows);
}

}  // namespace pcsc_bridge::doctor
