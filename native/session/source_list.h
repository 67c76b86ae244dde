// Which sources of session identity this platform has. One source_list_*.cc per platform is compiled.
#pragma once

#include <cstdint>
#include <vector>

#include "session/session.h"

namespace pcsc_bridge {

struct SessionSourceEntry {
  const char* name;                           // for people: "logind"
  Result<Session> (*ask)(std::uint32_t pid);  // pid is never 0; thread safe
};

// In order: the first source that knows the process's session decides.
const std::vector<SessionSourceEntry>& SessionSources();

std::uint32_t CallingProcess();

}  // namespace pcsc_bridge
