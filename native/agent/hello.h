// The first messages of a link.
#pragma once

#include <string>
#include <string_view>

#include "agent/options.h"

namespace pcsc_bridge::agent {

// The agent's hello, a line; the token where there is one. Asks the system for the session: may take long.
std::string HelloLine(const Options& options, const std::string& token);

// Checks what a controller answers. Empty where the agent is welcome; else why not, for people.
std::string WhyNotWelcome(std::string_view line);

}  // namespace pcsc_bridge::agent
