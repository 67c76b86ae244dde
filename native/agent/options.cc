#include "agent/options.h"

#include <cstdlib>

namespace pcsc_bridge::agent {
namespace {

constexpr long kLongestWait = 86400;

Options::Word WordOf(const std::string& text) {
  if (text == "user") return Options::Word::kUser;
  if (text == "broker") return Options::Word::kBroker;
  if (text == "session") return Options::Word::kSession;
  if (text == "watch") return Options::Word::kWatch;
  if (text == "doctor") return Options::Word::kDoctor;
  if (text == "--help" || text == "-h") return Options::Word::kHelp;
  if (text == "--version") return Options::Word::kVersion;
  throw WrongUsage("\"" + text + "\" is neither a role nor a command");
}

bool IsNumber(const std::string& text, long most) {
  if (text.empty() || text.size() > 5) return false;
  if (text.find_first_not_of("0123456789") != std::string::npos) return false;
  const long number = std::strtol(text.c_str(), nullptr, 10);
  return number >= 1 && number <= most;
}

void ParseRoleOptions(const std::vector<std::string>& arguments, Options& options) {
  bool waits = false;
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (name != "--connect" && name != "--key-file" && name != "--wait") {
      throw WrongUsage("there is no option " + name);
    }
    if (i + 1 == arguments.size()) throw WrongUsage(name + " needs a value");
    const std::string& value = arguments[i + 1];
    if (value.empty()) throw WrongUsage(name + " needs a value that is not empty");
    if (name == "--connect") options.connect = ParseAddress(value);
    if (name == "--key-file") options.key_file = value;
    if (name != "--wait") continue;
    if (!IsNumber(value, kLongestWait)) throw WrongUsage("--wait needs a number of seconds from 1 to 86400");
    options.wait = std::chrono::seconds(std::strtol(value.c_str(), nullptr, 10));
    waits = true;
  }
  if (options.connect && options.key_file.empty()) {
    throw WrongUsage("--connect needs --key-file: the file that the controller has made for this agent");
  }
  if (!options.connect && (waits || !options.key_file.empty())) {
    throw WrongUsage((waits ? "--wait" : "--key-file") + std::string(" is for --connect"));
  }
}

}  // namespace

const char kUsage[] =
    "usage: pcsc-bridge-agent user|broker [--connect ADDRESS:PORT --key-file FILE [--wait SECONDS]]\n"
    "       pcsc-bridge-agent session|watch [--json]\n"
    "       pcsc-bridge-agent doctor [--json] [--set-filter 1|0 [--yes]]\n"
    "       pcsc-bridge-agent --version\n"
    "\n"
    "user and broker take requests, JSON lines, from standard input or from the controller at ADDRESS:PORT.\n"
    "FILE holds the key that the controller has made for this agent. The agent keeps trying for SECONDS "
    "(60).\n";

Address ParseAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw WrongUsage("--connect needs ADDRESS:PORT");
  Address address{text.substr(0, colon), text.substr(colon + 1)};
  const bool brackets = address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']';
  if (brackets) address.host = address.host.substr(1, address.host.size() - 2);
  if (!brackets && address.host.find_first_of("[]:") != std::string::npos) {
    throw WrongUsage("--connect: an IPv6 address needs brackets: [::1]:PORT");
  }
  if (address.host.empty()) throw WrongUsage("--connect needs an address before the port");
  if (!IsNumber(address.port, 65535))
    throw WrongUsage("--connect: the port must be a number from 1 to 65535");
  return address;
}

Options ParseOptions(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw WrongUsage("a role or a command is missing");
  Options options;
  options.word = WordOf(arguments[0]);
  switch (options.word) {
    case Options::Word::kUser:
    case Options::Word::kBroker:
      options.role = arguments[0];
      ParseRoleOptions(arguments, options);
      break;
    case Options::Word::kSession:
    case Options::Word::kWatch:
      for (std::size_t i = 1; i < arguments.size(); ++i) {
        if (arguments[i] != "--json") throw WrongUsage("there is no option " + arguments[i]);
        options.json = true;
      }
      break;
    case Options::Word::kDoctor:
      options.remaining.assign(arguments.begin() + 1, arguments.end());
      break;
    case Options::Word::kHelp:
    case Options::Word::kVersion:
      break;
  }
  return options;
}

}  // namespace pcsc_bridge::agent
