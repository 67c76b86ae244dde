// Events of readers and cards, derived from two successive pictures.
#pragma once

#include <string>
#include <vector>

#include "agent/json.h"
#include "readers/monitor.h"

namespace pcsc_bridge::agent {

struct Event {
  const char* name;    // "card-inserted"
  std::string reader;  // empty if the event is about the service
  Bytes atr;           // if there is a card
};

// The events that lead from one picture to the next, in order.
std::vector<Event> EventsBetween(const Monitor::Picture& before, const Monitor::Picture& after);

Json ToJson(const Event& event);

}  // namespace pcsc_bridge::agent
