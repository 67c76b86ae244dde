// The first messages of a link.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pcsc_bridge::agent {

// The agent's hello, a line. Asks the system for the session: may take long.
std::string HelloLine(const std::string& role, const std::string& name);

// Why an agent is not welcome, for people, and whether it may be later.
struct NotWelcome {
  std::string why;
  bool passing = false;
};

// Checks what a controller answers. Nothing if the agent is welcome.
std::optional<NotWelcome> WhyNotWelcome(std::string_view line);

}  // namespace pcsc_bridge::agent
