// From a line to the command that it asks for.
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
  // Must not wait: starts what may, and returns. Throws Refusal before it has had any effect.
  std::function<void(const Parameters&, const std::shared_ptr<Request>&)> run;
};

// On the loop of the requests. Every line is answered, whatever is in it; nothing is thrown.
class Dispatcher {
 public:
  Dispatcher(std::shared_ptr<Requests> requests, std::function<void(std::string line)> send);

  void Add(std::vector<Command> commands);
  void OnLine(std::string_view line, bool too_long);
  // The input ended before the line did: it is not carried out, it may have been cut.
  void OnUnfinishedLine();

 private:
  void Dispatch(Json& object, std::uint64_t id);
  void Refuse(Json id, const Refusal& refusal);

  const std::shared_ptr<Requests> requests_;
  const std::function<void(std::string)> send_;
  std::map<std::string, Command> commands_;
};

}  // namespace pcsc_bridge::agent
