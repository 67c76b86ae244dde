#include <unistd.h>

#include "loop/immortal.h"
#include "session/audit_source.h"
#include "session/source_list.h"

namespace pcsc_bridge {

const std::vector<SessionSourceEntry>& SessionSources() {
  static Immortal<std::vector<SessionSourceEntry>> sources(
      std::vector<SessionSourceEntry>{{"audit", AskAudit}});
  return *sources;
}

std::uint32_t CallingProcess() {
  return static_cast<std::uint32_t>(getpid());
}

}  // namespace pcsc_bridge
