#include "agent/message.h"

#include <doctest/doctest.h>

#include <string>

#include "agent/hex.h"

namespace {

namespace status = pcsc_bridge::status;
using namespace pcsc_bridge::agent;
using pcsc_bridge::Bytes;
using pcsc_bridge::Error;

std::string CodeOf(std::string_view line) {
  try {
    Json object = ParseObject(line);
    (void)TakeId(object);
    (void)TakeCommand(object);
    return "";
  } catch (const Refusal& refusal) {
    return refusal.code();
  }
}

std::string WordsOf(std::string_view line) {
  try {
    (void)ParseObject(line);
    return "";
  } catch (const Refusal& refusal) {
    return refusal.what();
  }
}

TEST_CASE("a request is parsed") {
  Json object = ParseObject("{\"id\":9007199254740991,\"command\":\"hold\",\"reader\":\"R\"}\r");
  CHECK(TakeId(object) == 9007199254740991);
  CHECK(TakeCommand(object) == "hold");
  CHECK(object.dump() == "{\"reader\":\"R\"}");
}

TEST_CASE("an id is a whole number from 0 to 2^53 - 1") {
  for (const char* id : {"-1", "1.0", "1e2", "\"1\"", "null", "true", "[1]", "9007199254740992",
                         "18446744073709551616", "99999999999999999999999999"}) {
    CHECK_MESSAGE(CodeOf(std::string("{\"id\":") + id + ",\"command\":\"x\"}") == kMalformed, id);
  }
  CHECK(CodeOf("{\"id\":0,\"command\":\"x\"}").empty());
  CHECK(CodeOf("{\"id\":0}") == kParameter);
  CHECK(CodeOf("{\"id\":0,\"command\":null}") == kParameter);
}

TEST_CASE("input that is not JSON in UTF-8 is malformed") {
  for (const char* line :
       {"", " ", "{", "{}}", "{\"a\":1,}", "{'a':1}", "{\"a\":01}", "{\"a\":NaN}", "\xff{}",
        "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf5\x80\x80\x80\"}",
        "{\"a\":\"\xe2\x82\"}", "{\"a\":\"\t\"}", "{\"a\":\"\\ud800\"}"}) {
    CHECK_MESSAGE(CodeOf(line) == kMalformed, line);
  }
  CHECK(CodeOf(std::string("{\"id\":1,\"command\":\"x\"}\0", 23)) == kMalformed);
}

TEST_CASE("a duplicate member is malformed, at any depth") {
  CHECK(WordsOf("{\"a\":1,\"b\":{\"a\":2}}").empty());
  CHECK(WordsOf("{\"a\":1,\"a\":1}") == "The line has the same member twice");
  CHECK(WordsOf("{\"b\":{\"a\":2,\"a\":3}}") == "The line has the same member twice");
  CHECK(WordsOf("[{\"a\":2},{\"a\":3}]") == "The line is JSON, but not an object");
}

TEST_CASE("an error contains no part of a line") {
  CHECK(WordsOf("{\"apdu\":\"0020008008313233343536").find("3132") == std::string::npos);
  CHECK(WordsOf("0020008008313233343536FFFF") == "The line is not JSON in UTF-8: wrong at byte 2");
}

TEST_CASE("a sent message is one line of JSON, whatever it contains") {
  Json message;
  message["reader"] = "a\nb\xff\"c";
  const std::string line = ToLine(message);
  CHECK(line == "{\"reader\":\"a\\nb\\ufffd\\\"c\"}\n");
}

TEST_CASE("an error of PC/SC has its code, its number, its function and reader, and a sentence") {
  const Json body = ToJson(Error{status::kUnknownReader, "SCardConnect", "R 1", "detail"});
  CHECK(body["code"] == "SCARD_E_UNKNOWN_READER");
  CHECK(body["value"] == 0x80100009);
  CHECK(body["operation"] == "SCardConnect");
  CHECK(body["reader"] == "R 1");
  const std::string message = body["message"];
  CHECK(message.find("SCardConnect on \"R 1\": ") == 0);
  CHECK(message.find("(detail) [SCARD_E_UNKNOWN_READER 0x80100009]") != std::string::npos);
}

TEST_CASE("a connect time keeps its 64 bits") {
  CHECK(ToJson(pcsc_bridge::SessionIdentity{4294967295u, 18446744073709551615u}).dump() ==
        "{\"id\":4294967295,\"connectTime\":\"18446744073709551615\"}");
}

TEST_CASE("bytes convert to hexadecimal and back") {
  CHECK(ToHex(Bytes{0x00, 0xa4, 0xff}) == "00a4ff");
  CHECK(FromHex("00A4fF") == Bytes{0x00, 0xa4, 0xff});
  CHECK(FromHex("") == Bytes{});
  for (const char* text : {"0", "0g", "g0", "0x00", " 00", "00 ", "-1"})
    CHECK_FALSE(FromHex(text).has_value());
}

}  // namespace
