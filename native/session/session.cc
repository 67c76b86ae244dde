#include "session/session.h"

#include <new>

#include "session/source_list.h"

namespace pcsc_bridge {
namespace {

Result<Session> AskEverySource(std::uint32_t pid) {
  std::string reasons;
  for (const SessionSourceEntry& source : SessionSources()) {
    Result<Session> session = source.ask(pid);
    if (session.ok()) return session;
    if (!reasons.empty()) reasons += "; ";
    reasons += std::string(source.name) + ": " + session.error().detail;
  }
  return Error{status::kSessionUnknown, "SessionOfProcess", "", reasons};
}

}  // namespace

const char* NameOf(SessionSource source) {
  switch (source) {
    case SessionSource::kWts:
      return "wts";
    case SessionSource::kLogind:
      return "logind";
    case SessionSource::kAudit:
      return "audit";
    case SessionSource::kProc:
      return "proc";
  }
  return "proc";
}

Result<Session> SessionOfProcess(std::uint32_t pid) {
  try {
    return AskEverySource(pid != 0 ? pid : CallingProcess());
  } catch (const std::bad_alloc&) {
    return Error{status::kNoMemory, "SessionOfProcess", "", ""};
  }
}

}  // namespace pcsc_bridge
