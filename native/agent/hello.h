// The first messages of a link.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pcsc_bridge::agent {

// The agent's hello, a line. It asks the system for the session, which may take long.
std::string HelloLine(const std::string& role, const std::string& name);

// Why an agent is refused, for people, and whether it may be accepted later.
struct NotWelcome {
  std::string why;
  bool passing = false;
};

// Checks a controller's answer. No value if the agent is welcome.
std::optional<NotWelcome> WhyNotWelcome(std::string_view line);

}  // namespace pcsc_bridge::agent
