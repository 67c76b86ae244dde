#include "agent/options.h"

#include <cstdlib>

namespace pcsc_bridge::agent {
namespace {

constexpr std::size_t kLongestName = 128;

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

bool IsPort(const std::string& text) {
  if (text.empty() || text.size() > 5) return false;
  if (text.find_first_not_of("0123456789") != std::string::npos) return false;
  const long port = std::strtol(text.c_str(), nullptr, 10);
  return port >= 1 && port <= 65535;
}

void ParseRoleOptions(const std::vector<std::string>& arguments, Options& options) {
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (name != "--connect" && name != "--token-file" && name != "--name") {
      throw WrongUsage("there is no option " + name);
    }
    if (i + 1 == arguments.size()) throw WrongUsage(name + " needs a value");
    const std::string& value = arguments[i + 1];
    if (value.empty()) throw WrongUsage(name + " needs a value that is not empty");
    if (name == "--connect") options.connect = ParseAddress(value);
    if (name == "--token-file") options.token_file = value;
    if (name == "--name") options.name = value;
  }
  if (options.name.size() > kLongestName) throw WrongUsage("--name is longer than 128 bytes");
  if (!options.token_file.empty() && !options.connect) {
    throw WrongUsage("--token-file is for --connect; nobody asks for a token on standard input");
  }
}

}  // namespace

const char kUsage[] =
    "usage: pcsc-bridge-agent user|broker [--connect ADDRESS:PORT [--token-file FILE]] [--name NAME]\n"
    "       pcsc-bridge-agent session|watch [--json]\n"
    "       pcsc-bridge-agent doctor [--json] [--set-filter 1|0 [--yes]]\n"
    "       pcsc-bridge-agent --version\n"
    "\n"
    "user and broker take requests, JSON lines, from standard input or from the controller at ADDRESS:PORT.\n"
    "The token is in FILE or in the environment variable PCSC_BRIDGE_TOKEN.\n";

Address ParseAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw WrongUsage("--connect needs ADDRESS:PORT");
  Address address{text.substr(0, colon), text.substr(colon + 1)};
  const bool brackets = address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']';
  if (brackets) address.host = address.host.substr(1, address.host.size() - 2);
  if (!brackets && address.host.find_first_of("[]:") != std::string::npos) {
    throw WrongUsage("--connect: an IPv6 address stands in brackets: [::1]:PORT");
  }
  if (address.host.empty()) throw WrongUsage("--connect needs an address before the port");
  if (!IsPort(address.port)) throw WrongUsage("--connect: the port must be a number from 1 to 65535");
  return address;
}

Options ParseOptions(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw WrongUsage("a role or a command is missing");
  Options options;
  options.word = WordOf(arguments[0]);
  options.name = arguments[0];
  switch (options.word) {
    case Options::Word::kUser:
    case Options::Word::kBroker:
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
