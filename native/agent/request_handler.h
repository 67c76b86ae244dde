// Handles requests: the state behind a link.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/dispatcher.h"
#include "agent/options.h"
#include "agent/requests.h"
#include "agent/role.h"
#include "loop/scope.h"

namespace pcsc_bridge::agent {

// Belongs to a loop, on which all members are called.
class RequestHandler {
 public:
  // `send` receives answers and events, each a line. `quit` is called when the agent must exit. Neither may
  // wait.
  RequestHandler(Options::Word role, const std::shared_ptr<Loop>& loop,
                 const std::function<void(std::string line)>& send, std::function<void()> quit);
  ~RequestHandler();

  void OnLine(std::string_view line, bool too_long) { dispatcher_.OnLine(line, too_long); }
  void OnUnfinishedLine() { dispatcher_.OnUnfinishedLine(); }

  // Cancels all waits, and resets and releases all cards. `last` is released when everything that can be
  // waited for is done.
  void Close(const std::shared_ptr<void>& last);
  // The backend finishes what could not be waited for.
  void EndScope() { scope_->End(); }

 private:
  const std::shared_ptr<Scope> scope_;
  const std::shared_ptr<Requests> requests_;
  Dispatcher dispatcher_;
  std::vector<std::unique_ptr<Role>> roles_;
};

}  // namespace pcsc_bridge::agent
