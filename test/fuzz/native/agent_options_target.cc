// The agent's command line: arguments between zero bytes.
#include "agent/options.h"

#include "target.h"

namespace pcsc_bridge::fuzz {

void AgentOptions(Input input) {
  try {
    const agent::Options options = agent::ParseOptions(SplitAtZeros(input.Rest()));
    Require(options.name.size() <= 128, "a name has at most 128 bytes");
    Require(options.token_file.empty() || options.connect, "a token is for a controller");
    if (!options.connect) return;
    const auto& [host, port] = *options.connect;
    Require(!host.empty(), "an address has a host");
    Require(std::stoul(port) >= 1 && std::stoul(port) <= 65535, "an address has a port");
  } catch (const agent::WrongUsage& wrong) {
    Require(*wrong.what() != '\0', "wrong usage is a sentence");
  }
}

}  // namespace pcsc_bridge::fuzz
