#include "agent/parameters.h"

#include <algorithm>
#include <limits>

#include "agent/hex.h"
#include "agent/refusal.h"

namespace pcsc_bridge::agent {
namespace {

constexpr std::size_t kLongestReaderName = 1024;
constexpr std::uint64_t kLongestTimeout = std::numeric_limits<std::int32_t>::max();
// A header; an extended command with all it can have.
constexpr std::size_t kShortestApdu = 4;
constexpr std::size_t kLongestApdu = 65544;

[[noreturn]] void Refuse(const std::string& message) {
  throw Refusal(kParameter, message);
}

void CheckMembers(const Json& object, const std::vector<std::string_view>& allowed,
                  const std::string& prefix) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
    // As much of the name as shows which it is.
    Refuse("unknown member: " + prefix + name.substr(0, 64));
  }
}

// Decimal digits that fit 64 bits.
std::optional<std::uint64_t> FromDecimal(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    const auto more = static_cast<std::uint64_t>(digit - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - more) / 10) return std::nullopt;
    value = value * 10 + more;
  }
  return value;
}

}  // namespace

Parameters::Parameters(const Json& members, const std::vector<std::string_view>& allowed)
    : members_(members) {
  CheckMembers(members, allowed, "");
}

const Json& Parameters::Member(const char* name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) Refuse(std::string(name) + " is missing");
  return *found;
}

const std::string& Parameters::Text(const char* name) const {
  const Json& member = Member(name);
  if (!member.is_string()) Refuse(std::string(name) + " must be a string");
  return member.get_ref<const std::string&>();
}

std::uint64_t Parameters::Number(const char* name, std::uint64_t largest) const {
  const Json& member = Member(name);
  if (!member.is_number_unsigned() || member.get<std::uint64_t>() > largest) {
    Refuse(std::string(name) + " must be a whole number from 0 to " + std::to_string(largest));
  }
  return member.get<std::uint64_t>();
}

std::string Parameters::Reader() const {
  const std::string& name = Text("reader");
  // A zero would end the name on its way to PC/SC: another reader's.
  if (name.empty() || name.size() > kLongestReaderName || name.find('\0') != std::string::npos) {
    Refuse("reader must be the name of a reader: 1 to 1024 bytes, none of them zero");
  }
  return name;
}

std::optional<std::chrono::milliseconds> Parameters::Timeout() const {
  if (!Has("timeout")) return std::nullopt;
  return std::chrono::milliseconds(Number("timeout", kLongestTimeout));
}

SessionIdentity Parameters::Identity() const {
  const Json& member = Member("identity");
  if (!member.is_object()) Refuse("identity must be an object: {\"id\",\"connectTime\"}");
  CheckMembers(member, {"id", "connectTime"}, "identity.");
  SessionIdentity identity;
  const auto id = member.find("id");
  if (id == member.end() || !id->is_number_unsigned() ||
      id->get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
    Refuse("identity.id must be a whole number from 0 to 4294967295");
  }
  identity.id = id->get<std::uint32_t>();
  const auto time = member.find("connectTime");
  const std::optional<std::uint64_t> ticks = time != member.end() && time->is_string()
                                                 ? FromDecimal(time->get_ref<const std::string&>())
                                                 : std::nullopt;
  if (!ticks) Refuse("identity.connectTime must be a string of decimal digits, of at most 64 bits");
  identity.connect_time = *ticks;
  return identity;
}

Bytes Parameters::Apdu() const {
  std::optional<Bytes> apdu = FromHex(Text("apdu"));
  if (!apdu || apdu->size() < kShortestApdu || apdu->size() > kLongestApdu) {
    Refuse("apdu must be 4 to 65544 bytes in hexadecimal");
  }
  return std::move(*apdu);
}

Disposition Parameters::EndsWith() const {
  if (!Has("disposition")) return Disposition::kLeave;
  constexpr Disposition kDispositions[] = {Disposition::kLeave, Disposition::kReset, Disposition::kUnpower};
  return kDispositions[Choice("disposition", {"leave", "reset", "unpower"})];
}

std::size_t Parameters::Choice(const char* name, const std::vector<std::string_view>& words) const {
  const auto found = std::find(words.begin(), words.end(), Text(name));
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string list;
  for (const std::string_view word : words) list += (list.empty() ? "" : ", ") + std::string(word);
  Refuse(std::string(name) + " must be one of " + list);
}

}  // namespace pcsc_bridge::agent
