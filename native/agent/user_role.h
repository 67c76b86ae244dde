// The role `user`: a user's program, with plain PC/SC.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/card_commands.h"
#include "agent/role.h"
#include "loop/scope.h"

namespace pcsc_bridge::agent {

class UserRole final : public Role {
 public:
  explicit UserRole(std::shared_ptr<Scope> scope) : scope_(std::move(scope)) {}

  std::vector<Command> Commands() override;
  void Close(std::shared_ptr<void> last) override;

 private:
  // A card in a transaction.
  struct HeldCard {
    std::string reader;
    std::shared_ptr<Connection> connection;
  };
  using Cards = HeldCards<HeldCard>;
  class HoldAttempt;

  void Hold(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Exchange(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Release(const Parameters& parameters, const std::shared_ptr<Request>& request);

  const std::shared_ptr<Scope> scope_;
  // Answers may come after the role is destroyed.
  const std::shared_ptr<Cards> cards_ = std::make_shared<Cards>();
};

}  // namespace pcsc_bridge::agent
