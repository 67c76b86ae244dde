// How a text is shown on a terminal; the TypeScript counterpart is test/unit/printable.test.ts.
#include "pcsc/printable.h"

#include <doctest/doctest.h>

#include <string>

#include "agent/message.h"

using namespace pcsc_bridge;

namespace {

TEST_CASE("invisible characters are shown as question marks") {
  CHECK(Printable(std::string("a\0\b\t\n\r\x1b\x7f z", 10)) == "a??????? z");
  CHECK(Printable("\xc2\x80|\xc2\x85|\xc2\x9b|\xc2\x9f") == "?|?|?|?");              // C1
  CHECK(Printable("\xe2\x80\xae|\xe2\x81\xa6|\xe2\x80\x8f|\xd8\x9c") == "?|?|?|?");  // direction
  CHECK(Printable("\xe2\x80\x8b|\xef\xbb\xbf|\xc2\xad") == "?|?|?");                 // no width
  CHECK(Printable("\xe2\x80\xa8|\xe2\x80\xa9") == "?|?");                            // ends of lines
  CHECK(Printable("\xf3\xa0\x81\x81|\xee\x80\x80") == "?|?");                        // a tag, private use
}

TEST_CASE("bytes that are not UTF-8 are shown as question marks, one by one") {
  CHECK(Printable("\x9b"
                  "2J\xff") == "?2J?");
  CHECK(Printable("\xc3") == "?");
  CHECK(Printable("\xe2\x82") == "??");
  CHECK(Printable("\xc0\x9b") == "??");            // overlong
  CHECK(Printable("\xe0\x82\x9b") == "???");       // overlong
  CHECK(Printable("\xf0\x80\x80\x80") == "????");  // overlong
  CHECK(Printable("\xed\xa0\x80") == "?");         // half a pair
  CHECK(Printable("\xf4\x90\x80\x80") == "????");  // behind the last one
  CHECK(Printable("\xc2z") == "?z");
}

TEST_CASE("visible characters are unchanged") {
  const std::string text = "Lecteur \xc3\xa0 puce \xce\xa9 \xe3\x82\xab \xf0\x9f\x82\xa1 00 00";
  CHECK(Printable(text) == text);
}

TEST_CASE("line ends are unchanged") {
  CHECK(PrintableLines("a\x1b\nb\n") == "a?\nb\n");
}

TEST_CASE("a message is ASCII, with the same content") {
  const std::string name = "\x1b[2J\x7f\xc2\x9b\xe2\x80\xae \xc3\xa9";
  const std::string line = agent::ToLine({{"reader", name}});
  CHECK(PrintableLines(line) == line);
  CHECK(agent::Json::parse(line)["reader"] == name);
}

}  // namespace
