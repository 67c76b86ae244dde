#include "target.h"

#include <cstdio>
#include <cstdlib>

namespace pcsc_bridge::fuzz {

const std::vector<Target> kTargets = {
    {"agent-lines", AgentLines},     {"agent-options", AgentOptions}, {"agent-requests", AgentRequests},
    {"agent-welcome", AgentWelcome}, {"daemon-client", DaemonClient}, {"daemon-watcher", DaemonWatcher},
    {"exchange", Exchanges},         {"multi-string", MultiString},   {"proc-files", ProcFiles},
};

void Require(bool holds, const char* contract) {
  if (holds) return;
  std::fprintf(stderr, "broken contract: %s\n", contract);
  std::abort();
}

std::vector<std::string> SplitAtZeros(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char one : text) {
    if (one == '\0') {
      parts.emplace_back();
    } else {
      parts.back().push_back(one);
    }
  }
  return parts;
}

}  // namespace pcsc_bridge::fuzz
