#include <windows.h>

#include "loop/immortal.h"
#include "session/source_list.h"
#include "session/wts_source.h"

namespace pcsc_bridge {

const std::vector<SessionSourceEntry>& SessionSources() {
  static Immortal<std::vector<SessionSourceEntry>> sources(
      std::vector<SessionSourceEntry>{{"Terminal Services", AskTerminalServices}});
  return *sources;
}

std::uint32_t CallingProcess() {
  return GetCurrentProcessId();
}

}  // namespace pcsc_bridge
