#include "agent/hello.h"

#include <utility>

#include "agent/build.h"
#include "agent/host.h"
#include "agent/message.h"

namespace pcsc_bridge::agent {

std::string HelloLine(const std::string& role, const std::string& name) {
  const Result<Session> session = SessionOfProcess(0);
  Json hello;
  hello["protocol"] = kProtocol;
  hello["version"] = kPackageVersion;
  hello["role"] = role;
  hello["name"] = name;
  hello["pid"] = platform::ProcessId();
  hello["platform"] = platform::Describe();
  hello["session"] = session ? ToJson(session.value()) : Json();
  Json message;
  message["hello"] = std::move(hello);
  return ToLine(message);
}

std::optional<NotWelcome> WhyNotWelcome(std::string_view line) {
  try {
    const Json message = ParseObject(line);
    const auto refused = message.find("refused");
    if (refused != message.end()) {
      const auto passing = message.find("passing");
      return NotWelcome{"the controller refused this agent" +
                            (refused->is_string() ? ": " + refused->get<std::string>() : std::string()),
                        passing != message.end() && *passing == true};
    }
    const auto welcome = message.find("welcome");
    if (welcome == message.end() || !welcome->is_object()) {
      return NotWelcome{"the other side is no controller: its first line is no welcome"};
    }
    const auto protocol = welcome->find("protocol");
    if (protocol == welcome->end() || *protocol != kProtocol) {
      return NotWelcome{"the controller speaks another version of the protocol; this agent speaks " +
                        std::to_string(kProtocol)};
    }
    return std::nullopt;
  } catch (const Refusal&) {
    return NotWelcome{"the other side is no controller: its first line is no JSON object"};
  }
}

}  // namespace pcsc_bridge::agent
