// The smart card service as any program meets it: does it answer, and what readers has it?
#pragma once

#include <chrono>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

// Fills `service_error` and `readers`. No card is touched. A reader is asked for its driver only when nobody
// uses it: with pcsc-lite connecting waits behind anybody's transaction. Each of the two steps ends after
// `limit` at the latest; calls that are stuck then are left to their threads.
void AskService(const Library& library, std::chrono::milliseconds limit, PcscFacts& facts);

}  // namespace pcsc_bridge::doctor
