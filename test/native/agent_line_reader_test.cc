#include "agent/line_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using pcsc_bridge::agent::kLongestLine;
using pcsc_bridge::agent::LineReader;

struct Lines {
  std::vector<std::string> lines;
  int too_long = 0;
  LineReader reader{[this](std::string_view line, bool long_line) {
    lines.emplace_back(line);
    if (long_line) ++too_long;
  }};
};

TEST_CASE("lines are complete, however the bytes are cut") {
  const std::string text = "one\n\ntwo\r\nthree and more\n";
  const std::vector<std::string> expected = {"one", "", "two\r", "three and more"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    Lines got;
    for (std::size_t at = 0; at < text.size(); at += piece) got.reader.Feed(text.substr(at, piece));
    CHECK(got.lines == expected);
    CHECK_FALSE(got.reader.in_line());
  }
}

TEST_CASE("zeros and bytes that are not UTF-8 are part of a line") {
  Lines got;
  got.reader.Feed(std::string("a\0b\xff\n", 5));
  CHECK(got.lines == std::vector<std::string>{std::string("a\0b\xff", 4)});
}

TEST_CASE("a line of the maximum length is accepted, a longer one is reported once, at its end") {
  Lines got;
  got.reader.Feed(std::string(kLongestLine, 'x') + "\n");
  CHECK(got.lines.back().size() == kLongestLine);
  CHECK(got.too_long == 0);
  got.reader.Feed(std::string(kLongestLine + 1, 'x'));
  for (int i = 0; i < 10; ++i) got.reader.Feed(std::string(kLongestLine, 'y'));
  CHECK(got.lines.size() == 1);
  CHECK(got.reader.in_line());
  got.reader.Feed("z\nnext\n");
  CHECK(got.too_long == 1);
  CHECK(got.lines.size() == 3);
  CHECK(got.lines[1].empty());
  CHECK(got.lines[2] == "next");
}

TEST_CASE("an incomplete last line is reported") {
  Lines got;
  CHECK_FALSE(got.reader.in_line());
  got.reader.Feed("half");
  CHECK(got.reader.in_line());
}

}  // namespace
