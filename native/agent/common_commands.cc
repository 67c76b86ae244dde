#include "agent/common_commands.h"

#include <utility>

#include "agent/doctor_command.h"
#include "agent/message.h"
#include "agent/question.h"
#include "agent/readers.h"

namespace pcsc_bridge::agent {
namespace {

constexpr std::uint64_t kLargestId = 9007199254740991;

void AskSession(const std::shared_ptr<Request>& request) {
  // No PC/SC in it, so it needs no library that can be loaded.
  static const Library none;
  Ask<Session>(
      none, request, [] { return SessionOfProcess(0); },
      [](const Session& session) { return ToJson(session); });
}

}  // namespace

CommonCommands::CommonCommands(std::shared_ptr<Requests> requests, std::function<void(std::string)> send,
                               std::function<void()> quit)
    : requests_(std::move(requests)), send_(std::move(send)), quit_(std::move(quit)) {}

std::vector<Command> CommonCommands::Commands() {
  using RequestPtr = std::shared_ptr<Request>;
  return {
      {"session", {}, [](const Parameters&, const RequestPtr& request) { AskSession(request); }},
      {"readers", {}, [this](const Parameters&, const RequestPtr& request) { Readers(request); }},
      {"watch", {}, [this](const Parameters&, const RequestPtr& request) { Watch(request); }},
      {"doctor", {}, [](const Parameters&, const RequestPtr& request) { AnswerDoctor(request); }},
      {"cancel",
       {"request"},
       [this](const Parameters& parameters, const RequestPtr& request) {
         const std::uint64_t id = parameters.Number("request", kLargestId);
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
  const Result<const Library*> library = Library::Load();
  if (!library) return request->Fail(library.error());
  using List = std::vector<ReaderStatus>;
  Ask<List>(
      *library.value(), request, [&service = *library.value()] { return LookAtReaders(service); },
      [](const List& readers) {
        Json list = Json::array();
        for (const ReaderStatus& reader : readers) list.push_back(ToJson(reader));
        return Json{{"readers", std::move(list)}};
      });
}

void CommonCommands::Watch(const std::shared_ptr<Request>& request) {
  const auto tell = [send = send_, id = request->id()](const Event& event) {
    Json body = ToJson(event);
    Json message;
    message["event"] = body["event"];
    message["watch"] = id;
    message.update(body);
    send(ToLine(message));
  };
  const Result<Done> started = watches_->Start(tell, [&](std::shared_ptr<Cancellable> watch) {
    request->Watch({{"watching", true}}, std::move(watch));
  });
  if (!started) request->Fail(started.error());
}

void CommonCommands::Close(std::shared_ptr<void>) {
  watches_->Close();
}

}  // namespace pcsc_bridge::agent
