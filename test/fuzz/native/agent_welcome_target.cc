// The first line that a controller sends to the agent.
#include "agent/hello.h"
#include "target.h"

namespace pcsc_bridge::fuzz {

void AgentWelcome(Input input) {
  const std::string reason = agent::WhyNotWelcome(input.Rest());
  Require(reason.find('\n') == std::string::npos || reason.find("refused") != std::string::npos,
          "a reason is one line, apart from the controller's own words");
}

}  // namespace pcsc_bridge::fuzz
