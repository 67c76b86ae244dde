// What an agent can be asked.
#pragma once

#include <memory>
#include <vector>

#include "agent/dispatcher.h"

namespace pcsc_bridge::agent {

// A set of commands, and what they have made. On the loop.
class Role {
 public:
  virtual ~Role() = default;
  virtual std::vector<Command> Commands() = 0;
  // Lets all go, resetting the cards, once all requests have been given up. `last` goes when all has gone
  // that can be waited for.
  virtual void Close(std::shared_ptr<void> last) = 0;
};

}  // namespace pcsc_bridge::agent
