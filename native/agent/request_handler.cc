#include "agent/request_handler.h"

#include <utility>

#include "agent/broker_role.h"
#include "agent/common_commands.h"
#include "agent/user_role.h"

namespace pcsc_bridge::agent {

RequestHandler::RequestHandler(Options::Word role, const std::shared_ptr<Loop>& loop,
                               const std::function<void(std::string line)>& send, std::function<void()> quit)
    : scope_(std::make_shared<Scope>(loop)),
      requests_(std::make_shared<Requests>(loop, send)),
      dispatcher_(requests_, send) {
  roles_.push_back(std::make_unique<CommonCommands>(requests_, send, std::move(quit)));
  if (role == Options::Word::kBroker) {
    roles_.push_back(std::make_unique<BrokerRole>(scope_));
  } else {
    roles_.push_back(std::make_unique<UserRole>(scope_));
  }
  for (const std::unique_ptr<Role>& one : roles_) dispatcher_.Add(one->Commands());
}

RequestHandler::~RequestHandler() {
  EndScope();
}

void RequestHandler::Close(const std::shared_ptr<void>& last) {
  requests_->Close();
  for (const std::unique_ptr<Role>& role : roles_) role->Close(last);
}

}  // namespace pcsc_bridge::agent
