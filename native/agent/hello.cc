#include "agent/hello.h"

#include <utility>

#include "agent/host.h"
#include "agent/message.h"
#include "agent/version.h"

namespace pcsc_bridge::agent {

std::string HelloLine(const Options& options, const std::string& token) {
  const Result<Session> session = SessionOfProcess(0);
  Json hello;
  hello["protocol"] = kProtocol;
  hello["version"] = kVersion;
  hello["role"] = options.word == Options::Word::kBroker ? "broker" : "user";
  hello["name"] = options.name;
  hello["pid"] = platform::ProcessId();
  hello["platform"] = platform::Describe();
  hello["session"] = session ? ToJson(session.value()) : Json();
  if (!token.empty()) hello["token"] = token;
  Json message;
  message["hello"] = std::move(hello);
  return ToLine(message);
}

std::string WhyNotWelcome(std::string_view line) {
  try {
    const Json message = ParseObject(line);
    const auto refused = message.find("refused");
    if (refused != message.end()) {
      return "the controller refused this agent" +
             (refused->is_string() ? ": " + refused->get<std::string>() : std::string());
    }
    const auto welcome = message.find("welcome");
    if (welcome == message.end() || !welcome->is_object()) {
      return "the other side is no controller: its first line is no welcome";
    }
    const auto protocol = welcome->find("protocol");
    if (protocol == welcome->end() || *protocol != kProtocol) {
      return "the controller speaks another version of the protocol; this agent speaks " +
             std::to_string(kProtocol);
    }
    return "";
  } catch (const Refusal&) {
    return "the other side is no controller: its first line is no JSON object";
  }
}

}  // namespace pcsc_bridge::agent
