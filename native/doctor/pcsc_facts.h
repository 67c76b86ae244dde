// PC/SC as any program meets it: how it is reached, whether its service answers, and its readers.
#pragma once

#include <chrono>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

// The backend that this process uses; it is chosen now if it was not yet. Unknown if that takes longer than
// `limit`. Waits, and so not on the process's loop.
Fact<BackendFacts> AskBackend(std::chrono::milliseconds limit);

// Fills `service_error` and `readers`. No card is touched. A reader is asked for its driver only when nobody
// uses it: with pcsc-lite connecting waits behind anybody's transaction. Each of the two steps ends after
// `limit` at the latest; calls that are stuck then are left to their threads.
void AskService(const Library& library, std::chrono::milliseconds limit, PcscFacts& facts);

}  // namespace pcsc_bridge::doctor
