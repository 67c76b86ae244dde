#include "pcsc/secret_commands.h"

#include <algorithm>
#include <string_view>

namespace pcsc_bridge {
namespace {

// CLA INS P1 P2; a dot is any digit. As in src/apdu/secrets.ts: a test compares the two.
constexpr std::string_view kSecretCommands[] = {
    "..20....", "..21....", "..24....", "..25....", "..26....", "..27....", "..28....",
    "..29....", "..2C....", "..2D....", "..C2....", "..C3....", "FF82....", "FF000000",
    "FF70076B", "..FE....", "..FFFF..", "..DB3FFF", "..DA00D1", "..DA00D2", "..DA00D3",
    "..DA00D5", "..DA00F4", "..DA00F9", "..D8....", "..01..00", "..030000", "..1C0000",
};

bool Matches(const Bytes& command, std::string_view header) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    const unsigned digit = (command[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0x0f;
    if (header[i] != '.' && header[i] != "0123456789ABCDEF"[digit]) return false;
  }
  return true;
}

// Whether more follows the header than a length to ask for, short or extended.
bool HasData(const Bytes& command) {
  return command.size() > 5 && !(command.size() == 7 && command[4] == 0);
}

}  // namespace

bool CarriesSecret(const Bytes& command) {
  return HasData(command) &&
         std::any_of(std::begin(kSecretCommands), std::end(kSecretCommands),
                     [&command](std::string_view header) { return Matches(command, header); });
}

}  // namespace pcsc_bridge
