// Which commands carry a secret; test/unit/apdu/secrets.test.ts has the same cases.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/hex.h"
#include "card/exchange.h"
#include "pcsc/secret_commands.h"

using namespace pcsc_bridge;

namespace {

Bytes FromSpacedHex(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const std::optional<Bytes> bytes = agent::FromHex(text);
  REQUIRE(bytes);
  return *bytes;
}

TEST_CASE("a command with a PIN or a key is recognised, and not sent again after 6Cxx") {
  std::ifstream file(PROJECT_DIR "/test/data/secret-commands.json");
  const auto cases = nlohmann::json::parse(file);
  REQUIRE(cases.size() > 50);
  for (const auto& one : cases) {
    const auto name = one["name"].get<std::string>();
    CAPTURE(name);
    const Bytes command = FromSpacedHex(one["apdu"].get<std::string>());
    const bool secret = one["secret"].get<bool>();
    CHECK(CarriesSecret(command) == secret);
    if (!secret) continue;
    Exchange exchange({std::make_shared<const SecretBytes>(command)}, 0);
    const std::optional<Result<Bytes>> whole = exchange.Take({0x6c, 0x08});
    REQUIRE(whole);
    CHECK(whole->value() == Bytes{0x6c, 0x08});
  }
}

}  // namespace
