// One command and its complete response, without a card. The TypeScript counterparts are
// test/unit/apdu/exchange-*.test.ts.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

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

TEST_SUITE("exchange") {
  TEST_CASE("a response announced by 61xx is fetched and joined") {
    Exchange exchange = Of({{0x00, 0xcb, 0x3f, 0xff, 0x02, 0x5c, 0x00, 0x00}});
    Next(exchange, {1, 2, 0x61, 0x02}, {0x00, 0xc0, 0, 0, 0x02});
    Next(exchange, {3, 4, 0x61, 0x00}, {0x00, 0xc0, 0, 0, 0x00});
    CHECK(Last(exchange, {5, 0x90, 0x00}) == Bytes{1, 2, 3, 4, 5, 0x90, 0x00});
  }

  TEST_CASE("GET RESPONSE has the configured class") {
    Exchange exchange = Of({{0x02, 0xca, 0, 0, 0}}, 0x02);
    Next(exchange, {0x61, 0x01}, {0x02, 0xc0, 0, 0, 1});
    CHECK(Last(exchange, {0xaa, 0x90, 0x00}) == Bytes{0xaa, 0x90, 0x00});
  }

  TEST_CASE("an error in the middle ends the response, with the data so far") {
    Exchange exchange = Of({{0x00, 0xca, 0, 0, 0}});
    Next(exchange, {1, 0x61, 0x01}, {0x00, 0xc0, 0, 0, 1});
    CHECK(Last(exchange, {0x69, 0x85}) == Bytes{1, 0x69, 0x85});
  }

  TEST_CASE("a command that got 6Cxx is sent again with the right Le, once") {
    Exchange exchange = Of({{0x00, 0xca, 0, 0, 0}});
    Next(exchange, {0x6c, 0x02}, {0x00, 0xca, 0, 0, 2});
    SUBCASE("and its response is returned") {
      CHECK(Last(exchange, {0xbe, 0xef, 0x90, 0x00}) == Bytes{0xbe, 0xef, 0x90, 0x00});
    }
    SUBCASE("and a card that repeats 6Cxx ends it") {
      CHECK(Last(exchange, {0x6c, 0x02}) == Bytes{0x6c, 0x02});
    }
  }

  TEST_CASE("6C00 means 256 bytes") {
    Exchange exchange = Of({{0x00, 0xca, 0, 0, 5}});
    Next(exchange, {0x6c, 0x00}, {0x00, 0xca, 0, 0, 0});
  }

  TEST_CASE("Le is replaced if the command has one and appended if not") {
    SUBCASE("case 1") {
      Exchange exchange = Of({{0x00, 0xca, 0, 0}});
      Next(exchange, {0x6c, 0x07}, {0x00, 0xca, 0, 0, 7});
    }
    SUBCASE("case 3, one byte of data") {
      Exchange exchange = Of({{0x00, 0xca, 0, 0, 1, 0xaa}});
      Next(exchange, {0x6c, 0x07}, {0x00, 0xca, 0, 0, 1, 0xaa, 7});
      // A copy that had to grow would leave the data, perhaps a PIN, in freed memory.
      CHECK(exchange.next()->bytes().capacity() == exchange.next()->bytes().size());
    }
    SUBCASE("case 4") {
      Exchange exchange = Of({{0x00, 0xca, 0, 0, 1, 0xaa, 0}});
      Next(exchange, {0x6c, 0x07}, {0x00, 0xca, 0, 0, 1, 0xaa, 7});
    }
  }

  TEST_CASE("6Cxx within GET RESPONSE is corrected each time") {
    Exchange exchange = Of({{0x00, 0xca, 0, 0, 0}});
    Next(exchange, {0x6c, 0x10}, {0x00, 0xca, 0, 0, 0x10});
    Next(exchange, {1, 0x61, 0x00}, {0x00, 0xc0, 0, 0, 0});
    Next(exchange, {0x6c, 0x03}, {0x00, 0xc0, 0, 0, 3});
    Next(exchange, {2, 0x61, 0x04}, {0x00, 0xc0, 0, 0, 4});
    Next(exchange, {0x6c, 0x01}, {0x00, 0xc0, 0, 0, 1});
    CHECK(Last(exchange, {3, 0x90, 0x00}) == Bytes{1, 2, 3, 0x90, 0x00});
  }

  TEST_CASE("an extended command is not sent again") {
    Exchange exchange = Of({{0x00, 0xca, 0, 0, 0, 0x01, 0x00}});
    CHECK(Last(exchange, {0x6c, 0x02}) == Bytes{0x6c, 0x02});
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
    SUBCASE("without data") {
      Next(exchange, {0x61, 0x10}, {0x00, 0xc0, 0, 0, 0x10});
      const auto whole = exchange.Take({0x61, 0x10});
      REQUIRE(whole);
      CHECK(whole->code() == status::kInternalError);
    }
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
