#include "agent/tls_stream.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

namespace {

using namespace pcsc_bridge::agent;

const std::string kSecret(32, '\x5e');

// Sends what the other side has said, and then its end; keeps what it receives.
class Recording final : public Stream {
 public:
  explicit Recording(std::string says, bool breaks = false) : says_(std::move(says)), breaks_(breaks) {}

  Outcome Read(char* buffer, std::size_t size, std::size_t& read) override {
    if (says_.empty()) return breaks_ ? Outcome::kBroken : Outcome::kEnd;
    read = std::min(size, says_.size());
    std::memcpy(buffer, says_.data(), read);
    says_.erase(0, read);
    return Outcome::kGood;
  }
  bool Write(std::string_view bytes) override {
    heard.append(bytes);
    return true;
  }
  std::string reason() const override { return "the cable was pulled"; }

  std::string heard;

 private:
  std::string says_;
  const bool breaks_;
};

struct Met {
  std::string why;
  bool broken;
  std::string heard;
};

Met Meet(const std::string& says, bool breaks = false) {
  const auto raw = std::make_shared<Recording>(says, breaks);
  TlsStream stream(raw, Key{"user:alice", pcsc_bridge::Bytes(kSecret.begin(), kSecret.end())});
  const auto failure = stream.Handshake();
  REQUIRE(failure);
  return {failure->why, failure->broken, raw->heard};
}

std::string Alert(char code) {
  return std::string("\x15\x03\x03\x00\x02\x02", 6) + code;
}

// The types of the TLS records in it.
std::string RecordTypes(std::string_view records) {
  std::string types;
  while (records.size() >= 5) {
    types.push_back(records[0]);
    const auto size = static_cast<unsigned char>(records[3]) * 256U + static_cast<unsigned char>(records[4]);
    records.remove_prefix(std::min<std::size_t>(5 + size, records.size()));
  }
  return types;
}

TEST_CASE("a listener without TLS receives a ClientHello and an alert, and nothing about the agent") {
  for (const char* says : {"HTTP/1.1 400 Bad Request\r\n\r\n", "{\"welcome\":{\"protocol\":1}}\n",
                           "{\"id\":1,\"command\":\"readers\"}\n"}) {
    CAPTURE(says);
    const Met met = Meet(says);
    CHECK(met.why.find("the other side is no controller") == 0);
    CHECK_FALSE(met.broken);
    REQUIRE(!met.heard.empty());
    CHECK(met.heard[0] == 22);  // handshake
    CHECK(met.heard[5] == 1);   // ClientHello
    CHECK(RecordTypes(met.heard).find_first_not_of("\x16\x15") == std::string::npos);
    CHECK(RecordTypes(met.heard).size() <= 2);
    CHECK(met.heard.find("alice") == std::string::npos);
    CHECK(met.heard.find(kSecret) == std::string::npos);
  }
}

TEST_CASE("a listener that closes or breaks the connection may be tried again") {
  CHECK(Meet("").broken);
  CHECK(Meet("", true).broken);
  CHECK(Meet("", true).why == "the cable was pulled");
  CHECK(Meet(std::string("\x15\x03\x03\x00\x02\x01\x00", 7)).broken);  // close_notify
}

TEST_CASE("a controller's alert says which key is wrong, permanently") {
  CHECK(Meet(Alert(115)).why.find("the controller has no key for \"user:alice\"") == 0);
  CHECK(Meet(Alert(20)).why.find("the other side has another key for \"user:alice\"") == 0);
  CHECK(Meet(Alert(51)).why.find("the other side has another key") == 0);
  CHECK(Meet(Alert(40)).why.find("the other side is no controller") == 0);  // handshake_failure
  for (const char alert : {115, 20, 51, 40}) CHECK_FALSE(Meet(Alert(alert)).broken);
}

}  // namespace
