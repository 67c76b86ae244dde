#include <windows.h>
// After it.
#include <aclapi.h>
#include <io.h>
#include <sddl.h>
#include <shellapi.h>

#include <cerrno>

#include "agent/build.h"
#include "agent/file_access.h"
#include "agent/host.h"
#include "backend/library/library.h"
#include "loop/system_library_windows.h"
#include "session/account_windows.h"

namespace pcsc_bridge::agent::platform {
namespace {

using pcsc_bridge::platform::FromNative;
using pcsc_bridge::platform::ToNative;

// GetVersionEx reports an older system to programs without a manifest; this function does not.
bool AskVersion(OSVERSIONINFOW& version) {
  using RtlGetVersion = LONG(WINAPI*)(OSVERSIONINFOW*);
  const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  if (ntdll == nullptr) return false;
  const auto ask =
      reinterpret_cast<RtlGetVersion>(reinterpret_cast<void*>(GetProcAddress(ntdll, "RtlGetVersion")));
  version.dwOSVersionInfoSize = sizeof version;
  return ask != nullptr && ask(&version) == 0;
}

constexpr SECURITY_INFORMATION kOwnerAndList = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

// Frees the descriptor.
std::string WhoElse(std::uint32_t rights, DWORD failure, PSECURITY_DESCRIPTOR descriptor,
                    const std::string& user) {
  wchar_t* text = nullptr;
  const bool known =
      failure == ERROR_SUCCESS && ConvertSecurityDescriptorToStringSecurityDescriptorW(
                                      descriptor, SDDL_REVISION_1, kOwnerAndList, &text, nullptr) != 0;
  const std::string who = known ? WhoElseHas(rights, FromNative(text, wcslen(text)), user)
                                : "users unknown (Windows does not report them)";
  LocalFree(text);
  LocalFree(descriptor);
  return who;
}

// Assumes an administrator's rights if Windows does not report them.
bool IsElevated() {
  HANDLE token = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return true;
  TOKEN_ELEVATION elevation{};
  DWORD size = 0;
  const bool told = GetTokenInformation(token, TokenElevation, &elevation, sizeof elevation, &size) != 0;
  CloseHandle(token);
  return !told || elevation.TokenIsElevated != 0;
}

// The SID as in descriptors; empty if Windows does not report it.
std::string UserOfProcess() {
  return AccountOfProcess(GetCurrentProcessId()).value_or("");
}

std::wstring ProgramPath() {
  std::wstring path(MAX_PATH, L'\0');
  for (;;) {
    const DWORD length = GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
    if (length < path.size()) {
      path.resize(length);
      return path;
    }
    path.resize(2 * path.size());
  }
}

}  // namespace

std::vector<std::string> Arguments(int, char**) {
  std::vector<std::string> arguments;
  int count = 0;
  wchar_t** list = CommandLineToArgvW(GetCommandLineW(), &count);
  if (list == nullptr) return arguments;
  for (int i = 1; i < count; ++i) arguments.push_back(FromNative(list[i], wcslen(list[i])));
  LocalFree(list);
  return arguments;
}

std::FILE* OpenForReading(const std::string& path) {
  return _wfopen(ToNative(path).c_str(), L"rb");
}

std::string WhoElseMayRead(std::FILE* file) {
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const auto handle = reinterpret_cast<HANDLE>(_get_osfhandle(_fileno(file)));
  const DWORD failure =
      GetSecurityInfo(handle, SE_FILE_OBJECT, kOwnerAndList, nullptr, nullptr, nullptr, nullptr, &descriptor);
  return WhoElse(kReadRights, failure, descriptor, UserOfProcess());
}

const char kMakePrivate[] = "icacls FILE /inheritance:r /grant:r USER:R";

void LoadFromSystemAlone() {
  pcsc_bridge::platform::SearchSystemDirectoryAlone();
}

std::string WhyNotElevated() {
  if (!IsElevated()) return "";
  const std::wstring program = ProgramPath();
  const std::wstring directory = program.substr(0, program.rfind(L'\\'));
  for (const std::wstring& path : {directory, program}) {
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD failure =
        GetNamedSecurityInfoW(const_cast<wchar_t*>(path.c_str()), SE_FILE_OBJECT, kOwnerAndList, nullptr,
                              nullptr, nullptr, nullptr, &descriptor);
    const std::string who = WhoElse(kChangeRights, failure, descriptor, UserOfProcess());
    if (who.empty()) continue;
    return "an administrator must not run this program from here: " + who + " may change " +
           FromNative(path.data(), path.size()) + ", and so what it does; put it below Program Files";
  }
  return "";
}

std::optional<bool> AskYesOrNo(const std::string& question) {
  if (_isatty(_fileno(stdin)) == 0) return std::nullopt;
  std::fputs(question.c_str(), stderr);
  char answer[16] = "";
  return std::fgets(answer, sizeof answer, stdin) != nullptr && (answer[0] == 'y' || answer[0] == 'Y');
}

std::uint32_t ProcessId() {
  return GetCurrentProcessId();
}

std::string Describe() {
  std::string text = std::string("windows ") + kArchitecture;
  OSVERSIONINFOW version{};
  if (!AskVersion(version)) return text;
  return text + " " + std::to_string(version.dwMajorVersion) + "." + std::to_string(version.dwMinorVersion) +
         "." + std::to_string(version.dwBuildNumber);
}

void EndProcess(int status) {
  // Not ExitProcess: it waits for locks that a stuck thread may hold. The card service sees the end all the
  // same.
  TerminateProcess(GetCurrentProcess(), static_cast<UINT>(status));
  for (;;) Sleep(INFINITE);
}

}  // namespace pcsc_bridge::agent::platform
