// The first line that a controller sends to the agent.
#include "agent/hello.h"
#include "target.h"

namespace pcsc_bridge::fuzz {

void AgentWelcome(Input input) {
  const std::optional<agent::NotWelcome> refusal = agent::WhyNotWelcome(input.Rest());
  const std::string reason = refusal ? refusal->why : "";
  Require(!refusal || !reason.empty(), "a refusal has a reason");
  Require(reason.find('\n') == std::string::npos || reason.find("refused") != std::string::npos,
          "a reason is one line, apart from the controller's own words");
}

}  // namespace pcsc_bridge::fuzz
