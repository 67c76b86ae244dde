// An error that the agent itself finds in a request. It is thrown where it is found, and caught where the
// request is answered.
#pragma once

#include <stdexcept>
#include <string>

namespace pcsc_bridge::agent {

class Refusal : public std::runtime_error {
 public:
  // `message` is a sentence that repeats no value of the request, because that may be a PIN.
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
