#include "agent/options.h"

#include <doctest/doctest.h>

#include "agent/token.h"

namespace {

using namespace pcsc_bridge::agent;

TEST_CASE("an address is a host and a port, IPv6 in brackets") {
  CHECK(ParseAddress("lab-pc.example:4711").host == "lab-pc.example");
  CHECK(ParseAddress("127.0.0.1:65535").port == "65535");
  CHECK(ParseAddress("[fe80::1%eth0]:1").host == "fe80::1%eth0");
  for (const char* text :
       {"", ":", "host", "host:", ":1", "host:0", "host:65536", "host:-1", "host:1x", "host: 1", "::1",
        "::1:80", "[]:80", "[::1]", "[::1", "::1]:80", "[::1]80", "a[b]:80"}) {
    CHECK_THROWS_AS(ParseAddress(text), WrongUsage);
  }
}

TEST_CASE("a role has its options, once or more, the last counting") {
  const Options options =
      ParseOptions({"broker", "--name", "a", "--connect", "h:1", "--token-file", "f", "--name", "b"});
  CHECK(options.word == Options::Word::kBroker);
  CHECK(options.name == "b");
  CHECK(options.connect->host == "h");
  CHECK(options.token_file == "f");
  CHECK(ParseOptions({"user"}).name == "user");
}

TEST_CASE("a token is 16 to 256 printable ASCII characters without spaces") {
  CHECK(IsToken(std::string(16, '~')));
  CHECK(IsToken(std::string(256, '!')));
  CHECK_FALSE(IsToken(std::string(15, 'x')));
  CHECK_FALSE(IsToken(std::string(257, 'x')));
  for (const char c : {' ', '\t', '\n', '\0', '\x7f', '\x80', '\xff'})
    CHECK_FALSE(IsToken(std::string(16, 'x') + c));
}

}  // namespace
