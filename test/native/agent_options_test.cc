#include "agent/options.h"

#include <doctest/doctest.h>

#include <string>

#include "agent/key_file.h"

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

TEST_CASE("a role has its options, and if one is repeated the last one counts") {
  const Options options =
      ParseOptions({"broker", "--key-file", "a", "--connect", "h:1", "--key-file", "b", "--wait", "86400"});
  CHECK(options.word == Options::Word::kBroker);
  CHECK(options.role == "broker");
  CHECK(options.connect->host == "h");
  CHECK(options.key_file == "b");
  CHECK(options.wait == std::chrono::hours(24));
  CHECK(ParseOptions({"user"}).role == "user");
}

TEST_CASE("a controller and a key require each other") {
  CHECK_THROWS_AS(ParseOptions({"user", "--connect", "h:1"}), WrongUsage);
  CHECK_THROWS_AS(ParseOptions({"user", "--key-file", "f"}), WrongUsage);
  CHECK_THROWS_AS(ParseOptions({"user", "--wait", "5"}), WrongUsage);
}

TEST_CASE("a key belongs to the broker or to a named user, and has 32 bytes") {
  const std::string key(64, 'a');
  const std::optional<Key> alice = ParseKey("user:Alice M\xc3\xbcller " + key + "\r\n");
  REQUIRE(alice);
  CHECK(alice->role() == "user");
  CHECK(alice->name() == "Alice M\xc3\xbcller");
  CHECK(alice->bytes == pcsc_bridge::Bytes(32, 0xaa));
  CHECK(ParseKey("broker " + key)->role() == "broker");
  CHECK(ParseKey("broker " + key)->name() == "broker");
  for (const std::string& text :
       {std::string(), key, " " + key, "user " + key, "user: " + key, "boss:a " + key, "broker " + key + "a",
        "broker " + key.substr(2), "broker " + key.substr(1) + "x", "broker  " + key, "broker " + key + " ",
        "user:a\n" + key, "broker\n " + key}) {
    CAPTURE(text);
    CHECK_FALSE(ParseKey(text));
  }
}

}  // namespace
