// One command and its complete response, without a card. The TypeScript counterparts are
// test/unit/apdu/exchange-*.test.ts; test/cases/exchange.json has the cases of both.
#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "agent/hex.h"
#include "card/exchange.h"

using namespace pcsc_bridge;

namespace {

Exchange::Apdu Apdu(Bytes bytes) {
  return std::make_shared<SecretBytes>(std::move(bytes));
}

Exchange Of(std::vector<Bytes> commands, std::uint8_t get_response_class = 0) {
  std::vector<Exchange::Apdu> apdus;
  for (Bytes& command : commands) apdus.push_back(Apdu(std::move(command)));
  return Exchange(std::move(apdus), get_response_class);
}

// A response that is not the last one, and the APDU that follows.
void Next(Exchange& exchange, const Bytes& response, const Bytes& next) {
  REQUIRE_FALSE(exchange.Take(response).has_value());
  CHECK(exchange.next()->bytes() == next);
}

Bytes Last(Exchange& exchange, const Bytes& response) {
  std::optional<Result<Bytes>> whole = exchange.Take(response);
  REQUIRE(whole.has_value());
  REQUIRE(whole->ok());
  return std::move(whole->value());
}

// A case of test/cases/exchange.json.
void Play(const nlohmann::json& example) {
  const auto bytes = [](const std::string& hex) { return agent::FromHex(hex).value(); };
  const Bytes command = bytes(example["command"]);
  std::uint8_t get_response_class = ClassForGetResponse(command[0]);
  if (example.contains("getResponseClass")) {
    const nlohmann::json& choice = example["getResponseClass"];
    get_response_class = choice == "same" ? command[0] : choice.get<std::uint8_t>();
  }
  Exchange exchange = Of({command}, get_response_class);
  const std::string error = example.value("error", "");
  const Result<Done> adapted = exchange.AdaptTo(example.value("protocol", "T=1") == "T=0" ? kT0 : kT1);
  std::optional<Result<Bytes>> whole;
  if (!adapted) whole = Result<Bytes>(adapted.error());
  for (const nlohmann::json& step : example.value("script", nlohmann::json::array())) {
    REQUIRE_FALSE(whole);
    CHECK(exchange.next()->bytes() == bytes(step[0]));
    whole = exchange.Take(bytes(step[1]));
  }
  REQUIRE(whole);
  if (error.empty()) {
    REQUIRE(whole->ok());
    CHECK(whole->value() == bytes(example["response"]));
  } else {
    REQUIRE_FALSE(whole->ok());
    CHECK(whole->error().detail.find(error) != std::string::npos);
  }
}

TEST_SUITE("exchange") {
  TEST_CASE("native and TypeScript send the same") {
    std::ifstream file(PROJECT_DIR "/test/cases/exchange.json");
    const nlohmann::json examples = nlohmann::json::parse(file);
    REQUIRE(examples.size() > 30);
    for (const nlohmann::json& example : examples) {
      CAPTURE(example["name"].get<std::string>());
      Play(example);
    }
  }

  TEST_CASE("a command that is sent again with a Le has no copies in freed memory") {
    for (const Bytes& command : {Bytes{0x00, 0xca, 0, 0, 1, 0xaa}, Bytes{0x00, 0xca, 0, 0, 0, 0, 1, 0xaa}}) {
      Exchange exchange = Of({command});
      const std::size_t le_size = command.size() == 6 ? 1 : 2;
      REQUIRE_FALSE(exchange.Take({0x6c, 0x07}).has_value());
      const Bytes& again = exchange.next()->bytes();
      CHECK(again.size() == command.size() + le_size);
      CHECK(again.capacity() <= command.size() + 3);  // reserved at once
    }
  }

  TEST_CASE("a chain continues while the card returns 9000, and its last command has the response") {
    Exchange exchange = Of({{0x10, 0x87, 0, 0, 1, 1}, {0x10, 0x87, 0, 0, 1, 2}, {0x00, 0x87, 0, 0, 1, 3, 0}});
    CHECK(exchange.next()->bytes() == Bytes{0x10, 0x87, 0, 0, 1, 1});
    Next(exchange, {0x90, 0x00}, {0x10, 0x87, 0, 0, 1, 2});
    Next(exchange, {0x90, 0x00}, {0x00, 0x87, 0, 0, 1, 3, 0});
    Next(exchange, {0x61, 0x01}, {0x00, 0xc0, 0, 0, 1});
    CHECK(Last(exchange, {0xaa, 0x90, 0x00}) == Bytes{0xaa, 0x90, 0x00});
  }

  TEST_CASE("a chain that the card stops ends with the response that stopped it") {
    for (const Bytes& stop : {Bytes{0x68, 0x84}, Bytes{0x6c, 0x02}, Bytes{0x61, 0x02}}) {
      Exchange exchange = Of({{0x10, 0x87, 0, 0, 1, 1}, {0x00, 0x87, 0, 0, 1, 3, 0}});
      CHECK(Last(exchange, stop) == stop);
    }
  }

  TEST_CASE("a card that announces data without end is stopped") {
    Exchange exchange = Of({{0x00, 0xca, 0, 0, 0}});
    SUBCASE("with data each time") {
      Bytes block(258, 0x00);
      block[256] = 0x61;
      int blocks = 0;
      std::optional<Result<Bytes>> whole;
      while (!(whole = exchange.Take(block))) REQUIRE(++blocks <= 1024);
      CHECK(whole->code() == status::kInternalError);
      CHECK(blocks == 2 * 65536 / 256);
    }
    SUBCASE("with one byte each time") {
      int pieces = 0;
      std::optional<Result<Bytes>> whole;
      while (!(whole = exchange.Take({0x00, 0x61, 0x01}))) REQUIRE(++pieces <= 1024);
      CHECK(whole->code() == status::kInternalError);
      CHECK(whole->error().detail == "the card gives its response (61xx) in more than 1024 pieces");
      CHECK(pieces == 1024);
    }
  }

  TEST_CASE("a response of 1024 short pieces is complete") {
    Exchange exchange = Of({{0x00, 0xca, 0, 0, 0}});
    for (int piece = 0; piece < 1024; ++piece) REQUIRE_FALSE(exchange.Take({0x2a, 0x61, 0x01}));
    CHECK(Last(exchange, {0x2a, 0x90, 0x00}).size() == 1025 + 2);
  }

  TEST_CASE("a response without a status word is an error in any phase") {
    for (const Bytes& nonsense : {Bytes{}, Bytes{0x90}}) {
      Exchange first = Of({{0x00, 0xca, 0, 0, 0}});
      auto whole = first.Take(nonsense);
      REQUIRE(whole);
      CHECK(whole->code() == status::kInternalError);
      Exchange later = Of({{0x00, 0xca, 0, 0, 0}});
      Next(later, {1, 0x61, 0x01}, {0x00, 0xc0, 0, 0, 1});
      whole = later.Take(nonsense);
      REQUIRE(whole);
      CHECK(whole->code() == status::kInternalError);
    }
  }
}

}  // namespace
