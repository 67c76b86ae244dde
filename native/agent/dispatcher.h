// Dispatches lines to commands.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/parameters.h"
#include "agent/requests.h"

namespace pcsc_bridge::agent {

struct Command {
  std::string name;
  std::vector<std::string_view> members;  // that it may have besides id and command
  // Must not wait: it starts operations that may, and returns. It throws Refusal before it has had any
  // effect.
  std::function<void(const Parameters&, const std::shared_ptr<Request>&)> run;
};

// On the loop of the requests. Every line is answered, whatever it contains; nothing is thrown.
class Dispatcher {
 public:
  Dispatcher(std::shared_ptr<Requests> requests, std::function<void(std::string line)> send);

  void Add(std::vector<Command> commands);
  void OnLine(std::string_view line, bool too_long);
  // The input ended in the middle of the line: it is not executed, because it may have been cut.
  void OnUnfinishedLine();

 private:
  void Dispatch(Json& object, std::uint64_t id);
  void Refuse(Json id, const Refusal& refusal);

  const std::shared_ptr<Requests> requests_;
  const std::function<void(std::string)> send_;
  std::map<std::string, Command> commands_;
};

}  // namespace pcsc_bridge::agent
