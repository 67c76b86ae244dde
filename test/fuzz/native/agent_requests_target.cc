// Requests to the agent: a stream of lines, dispatched to commands that read every kind of parameter.
#include "agent/dispatcher.h"
#include "agent/hex.h"
#include "agent/line_reader.h"
#include "agent/message.h"
#include "target.h"

namespace pcsc_bridge::fuzz {
namespace {

using agent::Json;
using agent::Parameters;
using RequestPtr = std::shared_ptr<agent::Request>;

void CheckApdu(const Bytes& apdu) {
  Require(apdu.size() >= 4 && apdu.size() <= 65544, "an APDU has 4 to 65,544 bytes");
  Require(agent::FromHex(agent::ToHex(apdu)) == apdu, "bytes come back from hexadecimal");
}

std::vector<agent::Command> Commands() {
  return {
      {"hold",
       {"reader", "timeout"},
       [](const Parameters& parameters, const RequestPtr& request) {
         const std::string reader = parameters.Reader();
         Require(!reader.empty() && reader.find('\0') == std::string::npos, "a reader has a name");
         Require(parameters.Timeout().value_or(std::chrono::milliseconds(0)).count() >= 0,
                 "a timeout is not negative");
         request->Succeed({{"reader", reader}});
       }},
      {"exchange",
       {"card", "apdu", "timeout"},
       [](const Parameters& parameters, const RequestPtr& request) {
         Require(parameters.Number("card", 9007199254740991) <= 9007199254740991, "a number is in its range");
         CheckApdu(parameters.Apdu());
         request->Succeed(Json::object());
       }},
      {"acquire",
       {"identity", "disposition", "filter"},
       [](const Parameters& parameters, const RequestPtr& request) {
         const SessionIdentity identity = parameters.Identity();
         Require(parameters.Choice("filter", {"on", "off"}) <= 1, "a choice is one of the words");
         (void)parameters.EndsWith();
         request->Succeed(agent::ToJson(identity));
       }},
      // Stays in progress until everything is closed.
      {"wait", {}, [](const Parameters&, const RequestPtr&) {}},
  };
}

}  // namespace

// Every line is answered once, with one line of JSON.
void AgentRequests(Input input) {
  static const std::shared_ptr<Loop> loop = Loop::Create();
  std::size_t answered = 0;
  const auto send = [&answered](const std::string& line) {
    ++answered;
    Require(!line.empty() && line.find('\n') == line.size() - 1, "an answer is one line");
    const Json message = Json::parse(line);
    Require(message.is_object() && message.contains("id"), "an answer has an id");
    Require(message.contains("result") != message.contains("error"), "an answer is a result or an error");
  };
  const auto requests = std::make_shared<agent::Requests>(loop, send);
  agent::Dispatcher dispatcher(requests, send);
  dispatcher.Add(Commands());

  std::size_t asked = 0;
  agent::LineReader reader([&](std::string_view line, bool too_long) {
    ++asked;
    dispatcher.OnLine(line, too_long);
    Require(answered <= asked, "a line has at most one answer");
  });
  reader.Feed(input.Rest());
  reader.Feed("\n");
  requests->Close();
  Require(answered == asked, "every line has an answer");
}

}  // namespace pcsc_bridge::fuzz
