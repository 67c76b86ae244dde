#include <windows.h>
// After it.
#include <io.h>
#include <shellapi.h>

#include <cerrno>

#include "agent/architecture.h"
#include "agent/host.h"
#include "backend/library/library.h"

namespace pcsc_bridge::agent::platform {
namespace {

using pcsc_bridge::platform::FromNative;
using pcsc_bridge::platform::ToNative;

// GetVersionEx tells programs without a manifest of an older system; this does not.
bool AskVersion(OSVERSIONINFOW& version) {
  using RtlGetVersion = LONG(WINAPI*)(OSVERSIONINFOW*);
  const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  if (ntdll == nullptr) return false;
  const auto ask =
      reinterpret_cast<RtlGetVersion>(reinterpret_cast<void*>(GetProcAddress(ntdll, "RtlGetVersion")));
  version.dwOSVersionInfoSize = sizeof version;
  return ask != nullptr && ask(&version) == 0;
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

std::string Environment(const char* name) {
  wchar_t value[1024];
  const DWORD length = GetEnvironmentVariableW(ToNative(name).c_str(), value, 1024);
  if (length == 0 || length >= 1024) return "";
  std::string text = FromNative(value, length);
  SecureZeroMemory(value, sizeof value);
  return text;
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
