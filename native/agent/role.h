// The commands of an agent.
#pragma once

#include <memory>
#include <vector>

#include "agent/dispatcher.h"

namespace pcsc_bridge::agent {

// A set of commands and their state. On the loop.
class Role {
 public:
  virtual ~Role() = default;
  virtual std::vector<Command> Commands() = 0;
  // Resets and releases all cards, after all requests have been given up. `last` is released when
  // everything that can be waited for is done.
  virtual void Close(std::shared_ptr<void> last) = 0;
};

}  // namespace pcsc_bridge::agent
