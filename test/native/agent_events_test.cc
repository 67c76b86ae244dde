#include "agent/events.h"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace pcsc_bridge::agent;
using pcsc_bridge::Bytes;
using pcsc_bridge::ReaderStatus;
using Picture = pcsc_bridge::Monitor::Picture;
namespace state = pcsc_bridge::reader_state;

const Bytes kAtr = {0x3b, 0x00};
const ReaderStatus kEmpty{"R", state::kEmpty, 0, {}};
const ReaderStatus kFull{"R", state::kPresent, 1, kAtr};
const ReaderStatus kUsed{"R", state::kPresent | state::kInUse, 1, kAtr};
const ReaderStatus kSwapped{"R", state::kPresent, 3, kAtr};

std::string Between(const Picture& before, const Picture& after) {
  std::string names;
  for (const Event& event : EventsBetween(before, after)) {
    names += (names.empty() ? "" : " ") + std::string(event.name) + (event.atr.empty() ? "" : "+atr");
  }
  return names;
}

TEST_CASE("the events between two pictures turn the first into the second") {
  CHECK(Between({}, {kEmpty}) == "reader-added");
  CHECK(Between({}, {kFull}) == "reader-added+atr card-inserted+atr");
  CHECK(Between({kEmpty}, {kFull}) == "card-inserted+atr");
  CHECK(Between({kFull}, {kEmpty}) == "card-removed");
  CHECK(Between({kFull}, {kSwapped}) == "card-removed card-inserted+atr");
  CHECK(Between({kFull}, {kUsed}) == "state-changed+atr");
  CHECK(Between({kFull}, {}) == "card-removed reader-removed");
  CHECK(Between({kFull}, {kFull}).empty());
}

TEST_CASE("an event names its reader, and the card's ATR in hexadecimal") {
  CHECK(ToJson(Event{"card-inserted", "R", kAtr}).dump() ==
        "{\"event\":\"card-inserted\",\"reader\":\"R\",\"atr\":\"3b00\"}");
  CHECK(ToJson(Event{"service-stopped", "", {}}).dump() == "{\"event\":\"service-stopped\"}");
}

}  // namespace
