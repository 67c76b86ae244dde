#include <unistd.h>

#include "loop/immortal.h"
#include "session/logind_source.h"
#include "session/proc_source.h"
#include "session/source_list.h"

namespace pcsc_bridge {
namespace {

Result<Session> AskLogind(std::uint32_t pid) {
  static Immortal<LogindSource> source;
  return source->Ask(pid);
}

Result<Session> AskProc(std::uint32_t pid) {
  static Immortal<ProcSource> source;
  return source->Ask(pid);
}

}  // namespace

const std::vector<SessionSourceEntry>& SessionSources() {
  static Immortal<std::vector<SessionSourceEntry>> sources(
      std::vector<SessionSourceEntry>{{"logind", AskLogind}, {"proc", AskProc}});
  return *sources;
}

std::uint32_t CallingProcess() {
  return static_cast<std::uint32_t>(getpid());
}

}  // namespace pcsc_bridge
