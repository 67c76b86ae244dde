#include "session/audit_source.h"

#include <bsm/audit.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "session/user_name.h"

// Deprecated as a whole since macOS 11, without a successor that reports a process's audit session.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace pcsc_bridge {
namespace {

Error Unknown(const char* operation, std::uint32_t pid, const char* reason) {
  return Error{status::kSessionUnknown, operation, "",
               "the audit session of process " + std::to_string(pid) + " cannot be determined (" + operation +
                   ": " + reason + ")"};
}

}  // namespace

Result<Session> AskAudit(std::uint32_t pid) {
  au_asid_t id = AU_DEFAUDITSID;
  au_id_t user = AU_DEFAUDITID;
  const char* operation = "getaudit_addr";
  if (pid == static_cast<std::uint32_t>(getpid())) {
    auditinfo_addr_t info{};
    if (getaudit_addr(&info, sizeof(info)) != 0) return Unknown(operation, pid, std::strerror(errno));
    id = info.ai_asid;
    user = info.ai_auid;
  } else {
    operation = "auditon(A_GETPINFO_ADDR)";
    auditpinfo_addr_t info{};
    info.ap_pid = static_cast<pid_t>(pid);
    if (auditon(A_GETPINFO_ADDR, &info, sizeof(info)) != 0) {
      return Unknown(operation, pid, std::strerror(errno));
    }
    id = info.ap_asid;
    user = info.ap_auid;
  }
  if (id == AU_DEFAUDITSID) return Unknown(operation, pid, "the process is in no audit session");

  Session session;
  session.source = SessionSource::kAudit;
  session.identity.id = static_cast<std::uint32_t>(id);
  if (user != AU_DEFAUDITID) session.user = UserName(user);
  return session;
}

}  // namespace pcsc_bridge
