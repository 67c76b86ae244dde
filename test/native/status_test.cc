#include "pcsc/status.h"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <regex>
#include <string>

namespace {

using pcsc_bridge::Describe;
using pcsc_bridge::Status;
using pcsc_bridge::StatusText;
namespace status = pcsc_bridge::status;

TEST_CASE("a status has its symbolic name and a sentence") {
  const StatusText words = Describe(status::kSharingViolation);
  CHECK(std::string(words.name) == "SCARD_E_SHARING_VIOLATION");
  CHECK(std::strlen(words.text) > 0);
}

TEST_CASE("a status that is in no list is called unknown") {
  CHECK(std::string(Describe(0x801000ff).name) == "SCARD_UNKNOWN");
  CHECK(std::string(Describe(0xffffffff).name) == "SCARD_UNKNOWN");
  CHECK(std::strlen(Describe(0x12345678).text) > 0);
}

TEST_CASE("0x8010001F has the meaning of the platform's PC/SC") {
#ifdef _WIN32
  CHECK(std::string(Describe(0x8010001f).name) == "SCARD_E_UNEXPECTED");
#else
  CHECK(std::string(Describe(0x8010001f).name) == "SCARD_E_UNSUPPORTED_FEATURE");
#endif
  CHECK(std::string(Describe(0x80100022).name) == "SCARD_E_UNSUPPORTED_FEATURE");
}

TEST_CASE("every code of PC/SC from 01 to 34 and from 65 to 72 is known") {
  for (Status code = 0x80100001; code <= 0x80100072; ++code) {
    if (code > 0x80100034 && code < 0x80100065) continue;
    CAPTURE(code);
    CHECK(std::string(Describe(code).name) != "SCARD_UNKNOWN");
  }
}

TEST_CASE("every constant of status.h is described under the name beside it") {
  std::ifstream header(PROJECT_DIR "/native/pcsc/status.h");
  REQUIRE(header.good());
  const std::regex constant(R"(inline constexpr Status \w+ = (0x[0-9a-f]+);(?:\s*// (\w+_[A-Z_]+))?)");
  int seen = 0;
  for (std::string line; std::getline(header, line);) {
    std::smatch match;
    if (!std::regex_search(line, match, constant)) continue;
    ++seen;
    const StatusText words = Describe(static_cast<Status>(std::stoul(match[1], nullptr, 16)));
    CAPTURE(line);
    CHECK(std::string(words.name) != "SCARD_UNKNOWN");
    if (match[2].matched) CHECK(std::string(words.name) == match[2].str());
  }
  CHECK(seen > 60);
}

TEST_CASE("texts are sentences without a final full stop") {
  for (Status code = 0x80100001; code <= 0x80100072; ++code) {
    const StatusText words = Describe(code);
    if (std::string(words.name) == "SCARD_UNKNOWN") continue;
    const std::string text = words.text;
    CAPTURE(text);
    CHECK(text.size() > 20);
    CHECK((text.front() >= 'A' && text.front() <= 'Z'));
    CHECK(text.back() != '.');
  }
}

}  // namespace
