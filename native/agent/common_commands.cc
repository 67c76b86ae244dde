#include "agent/common_commands.h"

#include <utility>

#include "agent/doctor_command.h"
#include "agent/message.h"
#include "agent/question.h"
#include "agent/readers.h"
#include "agent/watch.h"
#include "backend/choice.h"
#include "loop/worker.h"

namespace pcsc_bridge::agent {
namespace {

void AskSession(const std::shared_ptr<Request>& request) {
  Ask<Session>(
      request, [] { return SessionOfProcess(0); }, [](const Session& session) { return ToJson(session); });
}

}  // namespace

CommonCommands::CommonCommands(std::shared_ptr<Requests> requests, std::function<void(std::string)> send,
                               std::function<void()> quit)
    : requests_(std::move(requests)), send_(std::move(send)), quit_(std::move(quit)) {}

std::vector<Command> CommonCommands::Commands() {
  return {
      {"session", {}, [](const Parameters&, const RequestPtr& request) { AskSession(request); }},
      {"readers", {}, [this](const Parameters&, const RequestPtr& request) { Readers(request); }},
      {"watch", {}, [this](const Parameters&, const RequestPtr& request) { Watch(request); }},
      {"doctor", {}, [](const Parameters&, const RequestPtr& request) { AnswerDoctor(request); }},
      {"cancel",
       {"request"},
       [this](const Parameters& parameters, const RequestPtr& request) {
         const std::uint64_t id = parameters.Number("request", kLargestNumber);
         const bool cancelled = id != request->id() && requests_->Cancel(id);
         request->Succeed({{"cancelled", cancelled}});
       }},
      {"quit",
       {},
       [this](const Parameters&, const RequestPtr& request) {
         request->Succeed(Json::object());
         quit_();
       }},
  };
}

void CommonCommands::Readers(const std::shared_ptr<Request>& request) {
  // A monitor of its own, because the view of the process's monitor may be out of date for a moment.
  const auto monitor = Monitor::Create(request->loop(), backend::OfProcess());
  request->Attach(LookAtReaders(monitor, request->loop(), [request](const Result<Monitor::Picture>& picture) {
    if (!picture) return request->Fail(picture.error());
    Json list = Json::array();
    for (const ReaderStatus& reader : picture.value()) list.push_back(ToJson(reader));
    request->Succeed({{"readers", std::move(list)}});
  }));
}

void CommonCommands::Watch(const std::shared_ptr<Request>& request) {
  const std::shared_ptr<Monitor> monitor = Monitor::OfProcess();
  if (!monitor) {
    return request->Fail(NoLoopError());
  }
  const auto report = [send = send_, id = request->id()](const Event& event) {
    Json body = ToJson(event);
    Json message;
    message["event"] = body["event"];
    message["watch"] = id;
    message.update(body);
    send(ToLine(message));
  };
  request->Watch({{"watching", true}}, agent::Watch::Start(monitor, request->loop(), report));
}

}  // namespace pcsc_bridge::agent
