// The role `user`: a user's program, with plain PC/SC.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/card_commands.h"
#include "agent/role.h"

namespace pcsc_bridge::agent {

class UserRole final : public Role {
 public:
  std::vector<Command> Commands() override;
  void Close(std::shared_ptr<void> last) override;

 private:
  // A card connected, in a transaction, on a channel of its own.
  struct HeldCard {
    std::string reader;
    std::shared_ptr<Channel> channel;
  };
  using Cards = HeldCards<HeldCard>;

  void Hold(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Exchange(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Release(const Parameters& parameters, const std::shared_ptr<Request>& request);

  // Answers may come when the role has gone.
  const std::shared_ptr<Cards> cards_ = std::make_shared<Cards>();
};

}  // namespace pcsc_bridge::agent
