#include "agent/file_access.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace pcsc_bridge::agent {
namespace {

constexpr std::uint32_t kAll = 0x001f01ff;

// Rights as the text form names them, generic ones as files map them.
constexpr std::array<std::pair<std::string_view, std::uint32_t>, 21> kRights{{
    {"FA", kAll},     {"FR", 0x120089}, {"FW", 0x120116}, {"FX", 0x1200a0}, {"GA", kAll},    {"GR", 0x120089},
    {"GW", 0x120116}, {"GX", 0x1200a0}, {"RC", 0x20000},  {"SD", 0x10000},  {"WD", 0x40000}, {"WO", 0x80000},
    {"CC", 0x01},     {"DC", 0x02},     {"LC", 0x04},     {"SW", 0x08},     {"RP", 0x10},    {"WP", 0x20},
    {"DT", 0x40},     {"LO", 0x80},     {"CR", 0x100},
}};

// SYSTEM, administrators of the host and the domain, CREATOR OWNER, OWNER RIGHTS (the owner is looked at),
// and TrustedInstaller.
constexpr std::array<std::string_view, 8> kTrusted{
    "SY", "BA", "LA", "DA",
    "EA", "CO", "OW", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNames{{
    {"WD", "Everyone"},
    {"AU", "Authenticated Users"},
    {"BU", "Users"},
    {"IU", "INTERACTIVE"},
    {"NU", "NETWORK"},
    {"BG", "Guests"},
}};

std::uint32_t RightsIn(std::string_view text) {
  if (text.substr(0, 2) == "0x") {
    auto rights = static_cast<std::uint32_t>(std::strtoul(std::string(text).c_str(), nullptr, 16));
    if ((rights & 0x50000000) != 0) rights |= kAll;      // GENERIC_ALL, GENERIC_WRITE
    if ((rights & 0x80000000) != 0) rights |= 0x120089;  // GENERIC_READ
    return rights;
  }
  std::uint32_t rights = 0;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const auto known = std::find_if(kRights.begin(), kRights.end(),
                                    [&](const auto& right) { return right.first == text.substr(at, 2); });
    rights |= known == kRights.end() ? kAll : known->second;
  }
  return rights;
}

bool IsTrusted(std::string_view sid, std::string_view user) {
  return (!user.empty() && sid == user) || std::find(kTrusted.begin(), kTrusted.end(), sid) != kTrusted.end();
}

std::string NameOf(std::string_view sid) {
  for (const auto& [known, name] : kNames) {
    if (known == sid) return std::string(name);
  }
  return std::string(sid);
}

// The fields of an entry: type;flags;rights;object;inherited object;SID.
std::array<std::string_view, 6> FieldsOf(std::string_view entry) {
  std::array<std::string_view, 6> fields;
  for (std::string_view& field : fields) {
    const std::size_t end = std::min(entry.find(';'), entry.size());
    field = entry.substr(0, end);
    entry.remove_prefix(std::min(end + 1, entry.size()));
  }
  return fields;
}

}  // namespace

std::string WhoElseHas(std::uint32_t rights, std::string_view descriptor, std::string_view user) {
  const std::size_t list = descriptor.find("D:");
  // Without a list, or with none that restricts, everyone has all rights.
  if (list == std::string_view::npos || descriptor.find("NO_ACCESS_CONTROL") != std::string_view::npos) {
    return "Everyone";
  }
  if (descriptor.substr(0, 2) == "O:") {
    const std::string_view owner = descriptor.substr(2, std::min(descriptor.find("G:"), list) - 2);
    if (!IsTrusted(owner, user)) return NameOf(owner);
  }
  std::size_t end = list;
  for (std::size_t begin = descriptor.find('(', end); begin != std::string_view::npos;
       begin = descriptor.find('(', end)) {
    end = std::min(descriptor.find(')', begin), descriptor.size());
    const auto fields = FieldsOf(descriptor.substr(begin + 1, end - begin - 1));
    const std::string_view type = fields[0];
    const bool allows = type == "A" || type == "XA" || type == "OA";
    if (allows && (RightsIn(fields[2]) & rights) != 0 && !IsTrusted(fields[5], user))
      return NameOf(fields[5]);
  }
  return "";
}

}  // namespace pcsc_bridge::agent
