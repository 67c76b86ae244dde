#include "session/account_windows.h"

#include <sddl.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "session/utf8_windows.h"

namespace pcsc_bridge {
namespace {

struct CloseKernelHandle {
  void operator()(void* handle) const { CloseHandle(handle); }
};
using KernelHandle = std::unique_ptr<void, CloseKernelHandle>;

std::optional<std::string> AccountOfToken(HANDLE token) {
  DWORD bytes = 0;
  GetTokenInformation(token, TokenUser, nullptr, 0, &bytes);
  std::vector<std::uint8_t> buffer(bytes);
  if (bytes == 0 || !GetTokenInformation(token, TokenUser, buffer.data(), bytes, &bytes)) return std::nullopt;
  char* text = nullptr;
  if (!ConvertSidToStringSidA(reinterpret_cast<const TOKEN_USER*>(buffer.data())->User.Sid, &text)) {
    return std::nullopt;
  }
  const std::unique_ptr<char, FreeLocal> owned(text);
  return std::string(text);
}

}  // namespace

std::optional<std::string> AccountOfPipeClient(HANDLE pipe) {
  if (!ImpersonateNamedPipeClient(pipe)) return std::nullopt;
  HANDLE token = nullptr;
  OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token);
  // This thread may do nothing more under another account.
  if (!RevertToSelf()) std::abort();
  const KernelHandle owned(token);
  return token != nullptr ? AccountOfToken(token) : std::nullopt;
}

std::optional<std::string> AccountOfProcess(std::uint32_t pid) {
  const KernelHandle process(OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
  if (!process) return std::nullopt;
  HANDLE token = nullptr;
  if (!OpenProcessToken(process.get(), TOKEN_QUERY, &token)) return std::nullopt;
  const KernelHandle owned(token);
  return AccountOfToken(token);
}

std::string AccountName(const std::string& sid) {
  PSID binary = nullptr;
  if (!ConvertStringSidToSidA(sid.c_str(), &binary)) return sid;
  const std::unique_ptr<void, FreeLocal> owned(binary);
  DWORD name_length = 0;
  DWORD domain_length = 0;
  SID_NAME_USE use{};
  LookupAccountSidW(nullptr, binary, nullptr, &name_length, nullptr, &domain_length, &use);
  std::wstring name(name_length, L'\0');
  std::wstring domain(domain_length, L'\0');
  if (!LookupAccountSidW(nullptr, binary, name.data(), &name_length, domain.data(), &domain_length, &use)) {
    return sid;
  }
  // Without their last NUL, now.
  name.resize(name_length);
  domain.resize(domain_length);
  const std::string account = Utf8(name.data(), name.size());
  return domain.empty() ? account : Utf8(domain.data(), domain.size()) + "\\" + account;
}

}  // namespace pcsc_bridge
