// The command line of the agent.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace pcsc_bridge::agent {

// Thrown if the command line is wrong; a sentence for people.
class WrongUsage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Address {
  std::string host;  // a name or an address, without brackets
  std::string port;
};

struct Options {
  enum class Word { kUser, kBroker, kSession, kWatch, kDoctor, kHelp, kVersion };

  Word word = Word::kHelp;
  std::string role;  // "user" or "broker", of these two
  std::optional<Address> connect;
  std::string key_file;                // with `connect`
  std::chrono::seconds wait{60};       // for the controller's welcome
  bool json = false;                   // of session and watch
  std::vector<std::string> remaining;  // of doctor
};

// `arguments` without the program's name, UTF-8. Throws WrongUsage.
Options ParseOptions(const std::vector<std::string>& arguments);

// HOST:PORT, an IPv6 address in brackets. Throws WrongUsage.
Address ParseAddress(const std::string& text);

extern const char kUsage[];

}  // namespace pcsc_bridge::agent
