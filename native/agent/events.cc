#include "agent/events.h"

#include <algorithm>

#include "agent/hex.h"

namespace pcsc_bridge::agent {
namespace {

constexpr std::uint32_t kTold = reader_state::kUnknown | reader_state::kUnavailable |
                                reader_state::kExclusive | reader_state::kInUse | reader_state::kMute |
                                reader_state::kUnpowered;

const ReaderStatus* Find(const Monitor::Picture& picture, const std::string& reader) {
  const auto found = std::find_if(picture.begin(), picture.end(),
                                  [&](const ReaderStatus& status) { return status.reader == reader; });
  return found != picture.end() ? &*found : nullptr;
}

bool HasCard(const ReaderStatus* status) {
  return status != nullptr && (status->state & reader_state::kPresent) != 0;
}

}  // namespace

std::vector<Event> EventsBetween(const Monitor::Picture& before, const Monitor::Picture& after) {
  std::vector<Event> events;
  for (const ReaderStatus& gone : before) {
    if (Find(after, gone.reader) != nullptr) continue;
    if (HasCard(&gone)) events.push_back({"card-removed", gone.reader, {}});
    events.push_back({"reader-removed", gone.reader, {}});
  }
  for (const ReaderStatus& now : after) {
    const ReaderStatus* known = Find(before, now.reader);
    const bool was = HasCard(known);
    const bool is = HasCard(&now);
    const Bytes atr = is ? now.atr : Bytes();
    if (known == nullptr) events.push_back({"reader-added", now.reader, atr});
    // The same number of cards but another count: a card was removed and inserted again, or inserted and
    // removed.
    const bool swapped = known != nullptr && was == is && known->event_count != now.event_count;
    if (was && (!is || swapped)) events.push_back({"card-removed", now.reader, {}});
    if (is && (!was || swapped)) events.push_back({"card-inserted", now.reader, atr});
    if (known != nullptr && was == is && !swapped && (known->state & kTold) != (now.state & kTold)) {
      events.push_back({"state-changed", now.reader, atr});
    }
  }
  return events;
}

Json ToJson(const Event& event) {
  Json body;
  body["event"] = event.name;
  if (!event.reader.empty()) body["reader"] = event.reader;
  if (!event.atr.empty()) body["atr"] = ToHex(event.atr);
  return body;
}

}  // namespace pcsc_bridge::agent
