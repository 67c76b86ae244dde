#include "agent/dispatcher.h"

#include <new>
#include <utility>

#include "agent/line_reader.h"
#include "agent/message.h"

namespace pcsc_bridge::agent {

Dispatcher::Dispatcher(std::shared_ptr<Requests> requests, std::function<void(std::string)> send)
    : requests_(std::move(requests)), send_(std::move(send)) {}

void Dispatcher::Add(std::vector<Command> commands) {
  for (Command& command : commands) commands_.emplace(command.name, std::move(command));
}

void Dispatcher::Refuse(Json id, const Refusal& refusal) {
  send_(ToLine(ErrorMessage(std::move(id), ToJson(refusal))));
}

void Dispatcher::OnLine(std::string_view line, bool too_long) {
  Json id;  // null until it has been read
  try {
    if (too_long) throw Refusal(kMalformed, "The line is longer than 262144 bytes");
    Json object = ParseObject(line);
    const std::uint64_t number = TakeId(object);
    id = number;
    Dispatch(object, number);
  } catch (const Refusal& refusal) {
    Refuse(std::move(id), refusal);
  }
}

void Dispatcher::OnUnfinishedLine() {
  Refuse(Json(), Refusal(kMalformed, "The input ended in the middle of a line"));
}

void Dispatcher::Dispatch(Json& object, std::uint64_t id) {
  const std::string name = TakeCommand(object);
  const auto command = commands_.find(name);
  if (command == commands_.end()) {
    throw Refusal(kUnknownCommand, "There is no such command in this role");
  }
  const Parameters parameters(object, command->second.members);
  const std::shared_ptr<Request> request = requests_->Begin(id, name);
  // The request answers from here on, so that its id becomes free again.
  try {
    command->second.run(parameters, request);
  } catch (const Refusal& refusal) {
    request->Refuse(refusal);
  }
}

}  // namespace pcsc_bridge::agent
