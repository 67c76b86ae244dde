// The commands of every role.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/role.h"

namespace pcsc_bridge::agent {

class CommonCommands final : public Role {
 public:
  // `send` receives the events, each a line. `quit` is called when the agent must exit.
  CommonCommands(std::shared_ptr<Requests> requests, std::function<void(std::string line)> send,
                 std::function<void()> quit);

  std::vector<Command> Commands() override;
  void Close(std::shared_ptr<void>) override {}

 private:
  void Readers(const std::shared_ptr<Request>& request);
  void Watch(const std::shared_ptr<Request>& request);

  const std::shared_ptr<Requests> requests_;
  const std::function<void(std::string)> send_;
  const std::function<void()> quit_;
};

}  // namespace pcsc_bridge::agent
