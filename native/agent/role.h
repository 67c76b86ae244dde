// What an agent can be asked.
#pragma once

#include <memory>
#include <vector>

#include "agent/dispatcher.h"

namespace pcsc_bridge::agent {

// A set of commands, and what they have made.
class Role {
 public:
  virtual ~Role() = default;
  virtual std::vector<Command> Commands() = 0;
  // Any thread, never waits: lets all go, resetting the cards. `last` goes when all has gone that can be
  // waited for. What commands still under way make is let go at once.
  virtual void Close(std::shared_ptr<void> last) = 0;
};

}  // namespace pcsc_bridge::agent
