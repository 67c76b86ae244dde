// What happens to readers and cards, as it follows from what is seen of them.
#pragma once

#include <string>
#include <vector>

#include "agent/json.h"
#include "readers/monitor.h"

namespace pcsc_bridge::agent {

struct Event {
  const char* name;    // "card-inserted"
  std::string reader;  // empty where the event is about the service
  Bytes atr;           // where a card is in
};

// The events that lead from one picture to the next, in order.
std::vector<Event> EventsBetween(const Monitor::Picture& before, const Monitor::Picture& after);

Json ToJson(const Event& event);

}  // namespace pcsc_bridge::agent
