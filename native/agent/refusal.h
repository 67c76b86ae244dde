// What the agent itself finds wrong with a request, thrown by whoever finds it and caught where it is
// answered.
#pragma once

#include <stdexcept>
#include <string>

namespace pcsc_bridge::agent {

class Refusal : public std::runtime_error {
 public:
  // `message` is a sentence and repeats no value of the request's: it may be a PIN.
  Refusal(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

inline constexpr char kMalformed[] = "AGENT_E_MALFORMED";
inline constexpr char kUnknownCommand[] = "AGENT_E_UNKNOWN_COMMAND";
inline constexpr char kParameter[] = "AGENT_E_PARAMETER";
inline constexpr char kBusy[] = "AGENT_E_BUSY";
inline constexpr char kNoCache[] = "AGENT_E_NO_CACHE";

}  // namespace pcsc_bridge::agent
