// The members of a request, each checked when it is asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/json.h"
#include "pcsc/types.h"
#include "session/session_identity.h"

namespace pcsc_bridge::agent {

// Every function throws Refusal (AGENT_E_PARAMETER, naming the member) if the member is missing and has no
// default, is of the wrong type, or is out of range.
class Parameters {
 public:
  // `members` contains neither id nor command any more. Members that are not in `allowed` are refused.
  Parameters(const Json& members, const std::vector<std::string_view>& allowed);

  std::uint64_t Number(const char* name, std::uint64_t largest) const;
  std::string Reader() const;
  std::optional<std::chrono::milliseconds> Timeout() const;
  SessionIdentity Identity() const;
  Bytes Apdu() const;
  Disposition EndsWith() const;  // "disposition"; kLeave by default
  // Returns the index of the member's value in the words.
  std::size_t Choice(const char* name, const std::vector<std::string_view>& words) const;

 private:
  bool Has(const char* name) const { return members_.contains(name); }
  const Json& Member(const char* name) const;
  const std::string& Text(const char* name) const;

  const Json& members_;
};

}  // namespace pcsc_bridge::agent
