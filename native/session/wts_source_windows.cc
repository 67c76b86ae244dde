#include "session/wts_source.h"

#include <windows.h>

#include <wtsapi32.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "loop/system_library_windows.h"
#include "session/utf8_windows.h"

namespace pcsc_bridge {
namespace {

// The functions of wtsapi32.dll, loaded from the system directory: an import would be searched beside the
// program first.
struct TerminalServices {
  decltype(&WTSQuerySessionInformationW) query = nullptr;
  decltype(&WTSFreeMemory) free = nullptr;

  static const TerminalServices& Get() {
    static const TerminalServices services = Load();
    return services;
  }

 private:
  static TerminalServices Load() {
    TerminalServices services;
    const HMODULE library = platform::LoadSystemLibrary(L"wtsapi32.dll");
    if (library == nullptr) return services;
    services.query = reinterpret_cast<decltype(services.query)>(
        reinterpret_cast<void*>(GetProcAddress(library, "WTSQuerySessionInformationW")));
    services.free = reinterpret_cast<decltype(services.free)>(
        reinterpret_cast<void*>(GetProcAddress(library, "WTSFreeMemory")));
    return services;
  }
};

struct FreeMemory {
  void operator()(WTSINFOW* info) const { TerminalServices::Get().free(info); }
};
using Info = std::unique_ptr<WTSINFOW, FreeMemory>;

// WTSINFOW is the same for 32- and 64-bit programs; an answer of another size is not one.
static_assert(sizeof(WTSINFOW) == 216);

Info QueryInfo(DWORD session) {
  const TerminalServices& services = TerminalServices::Get();
  if (services.query == nullptr || services.free == nullptr) return nullptr;
  wchar_t* answer = nullptr;
  DWORD bytes = 0;
  if (!services.query(WTS_CURRENT_SERVER_HANDLE, session, WTSSessionInfo, &answer, &bytes)) {
    return nullptr;
  }
  Info info(reinterpret_cast<WTSINFOW*>(answer));
  return bytes >= sizeof(WTSINFOW) ? std::move(info) : nullptr;
}

// Of a field, which ends with its first NUL if it is shorter.
template <std::size_t Size>
std::string TextOf(const wchar_t (&field)[Size]) {
  return Utf8(field, static_cast<std::size_t>(std::find(field, field + Size, L'\0') - field));
}

}  // namespace

Result<Session> AskTerminalServices(std::uint32_t pid) {
  DWORD id = 0;
  if (!ProcessIdToSessionId(pid, &id)) {
    const DWORD error = GetLastError();
    return Error{status::kSessionUnknown, "ProcessIdToSessionId", "",
                 "process " + std::to_string(pid) +
                     " does not exist or may not be looked at (ProcessIdToSessionId: error " +
                     std::to_string(error) + ")"};
  }

  return TerminalServicesSession(id);
}

Session TerminalServicesSession(std::uint32_t id) {
  Session session;
  session.source = SessionSource::kWts;
  session.identity.id = id;
  if (const Info info = QueryInfo(id)) {
    session.identity.connect_time =
        static_cast<std::uint64_t>(std::max<LONGLONG>(0, info->ConnectTime.QuadPart));
    const std::string user = TextOf(info->UserName);
    const std::string domain = TextOf(info->Domain);
    session.user = user.empty() || domain.empty() ? user : domain + "\\" + user;
  }
  return session;
}

}  // namespace pcsc_bridge
