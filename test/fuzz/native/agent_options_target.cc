// The agent's command line: arguments between zero bytes.
#include "agent/options.h"

#include "target.h"

namespace pcsc_bridge::fuzz {

void AgentOptions(Input input) {
  try {
    const agent::Options options = agent::ParseOptions(SplitAtZeros(input.Rest()));
    Require(options.key_file.empty() != options.connect.has_value(),
            "a key is for a controller, which needs one");
    if (!options.connect) return;
    const auto& [host, port] = *options.connect;
    Require(!host.empty(), "an address has a host");
    Require(std::stoul(port) >= 1 && std::stoul(port) <= 65535, "an address has a port");
  } catch (const agent::WrongUsage& wrong) {
    Require(*wrong.what() != '\0', "wrong usage is a sentence");
  }
}

}  // namespace pcsc_bridge::fuzz
