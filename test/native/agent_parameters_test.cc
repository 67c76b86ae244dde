#include "agent/parameters.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "agent/refusal.h"

namespace {

using namespace pcsc_bridge::agent;
using pcsc_bridge::Disposition;
using pcsc_bridge::SessionIdentity;

const std::vector<std::string_view> kAll = {"reader", "timeout", "identity", "apdu", "disposition", "card"};

// The error for these members when this is read from them; empty if there is none.
std::string Complaint(const char* members, const std::function<void(const Parameters&)>& ask) {
  const Json object = Json::parse(members);
  try {
    ask(Parameters(object, kAll));
    return "";
  } catch (const Refusal& refusal) {
    CHECK(std::string(refusal.code()) == kParameter);
    return refusal.what();
  }
}

TEST_CASE("an unknown member is named") {
  const auto nothing = [](const Parameters&) {};
  CHECK(Complaint("{}", nothing).empty());
  CHECK(Complaint("{\"reader\":1,\"raeder\":2}", nothing) == "unknown member: raeder");
  CHECK(Complaint("{\"READER\":1}", nothing) == "unknown member: READER");
  CHECK(Complaint("{\"\":1}", nothing) == "unknown member: ");
}

TEST_CASE("a number is whole and in its range") {
  const auto ask = [](const Parameters& p) { CHECK(p.Number("card", 10) <= 10); };
  CHECK(Complaint("{\"card\":10}", ask).empty());
  CHECK(Complaint("{}", ask) == "card is missing");
  for (const char* value : {"11", "-1", "1.5", "1e0", "\"1\"", "true", "null", "[]"}) {
    const std::string members = std::string("{\"card\":") + value + "}";
    CHECK(Complaint(members.c_str(), ask) == "card must be a whole number from 0 to 10");
  }
}

TEST_CASE("a timeout is optional, and has at most 31 bits of milliseconds") {
  const Json none = Json::object();
  CHECK_FALSE(Parameters(none, kAll).Timeout().has_value());
  const Json longest = {{"timeout", 2147483647u}};
  CHECK(Parameters(longest, kAll).Timeout()->count() == 2147483647);
  CHECK_FALSE(Complaint("{\"timeout\":2147483648}", [](const Parameters& p) { (void)p.Timeout(); }).empty());
  CHECK_FALSE(Complaint("{\"timeout\":null}", [](const Parameters& p) { (void)p.Timeout(); }).empty());
}

TEST_CASE("a reader's name has at least one byte, and no zero byte") {
  const auto ask = [](const Parameters& p) { CHECK(p.Reader() == "R\xc3\xa9"); };
  CHECK(Complaint("{\"reader\":\"R\\u00e9\"}", ask).empty());
  CHECK_FALSE(Complaint("{\"reader\":\"\"}", ask).empty());
  CHECK_FALSE(Complaint("{\"reader\":\"R\\u0000\"}", ask).empty());
  CHECK(Complaint("{\"reader\":7}", ask) == "reader must be a string");
}

TEST_CASE("an identity has an id of 32 bits and a connect time of 64 in decimal, and no other member") {
  const auto ask = [](const Parameters& p) {
    CHECK(p.Identity() == SessionIdentity{4294967295u, 18446744073709551615u});
  };
  CHECK(
      Complaint("{\"identity\":{\"id\":4294967295,\"connectTime\":\"18446744073709551615\"}}", ask).empty());
  CHECK(Complaint("{\"identity\":{\"id\":1,\"connectTime\":\"1\",\"user\":\"x\"}}", ask) ==
        "unknown member: identity.user");
  for (const char* time : {"\"18446744073709551616\"", "\"99999999999999999999\"", "\"\"", "\"-1\"",
                           "\"0x1\"", "\" 1\"", "1", "null"}) {
    const std::string members = std::string("{\"identity\":{\"id\":1,\"connectTime\":") + time + "}}";
    CHECK(Complaint(members.c_str(), ask).find("identity.connectTime") == 0);
  }
}

TEST_CASE("a disposition is one of three, and leave by default") {
  const Json none = Json::object();
  CHECK(Parameters(none, kAll).EndsWith() == Disposition::kLeave);
  const Json unpower = {{"disposition", "unpower"}};
  CHECK(Parameters(unpower, kAll).EndsWith() == Disposition::kUnpower);
  CHECK(Complaint("{\"disposition\":\"eject\"}", [](const Parameters& p) { (void)p.EndsWith(); }) ==
        "disposition must be one of leave, reset, unpower");
}

TEST_CASE("an error about an APDU does not contain its bytes") {
  const std::string words =
      Complaint("{\"apdu\":\"0020008008313233343536zz\"}", [](const Parameters& p) { (void)p.Apdu(); });
  CHECK(words == "apdu must be 4 to 65544 bytes in hexadecimal");
}

}  // namespace
