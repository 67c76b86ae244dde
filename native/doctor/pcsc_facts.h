// PC/SC as any program sees it: how it is reached, whether its service answers, and its readers.
#pragma once

#include <chrono>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

// The backend of this process, chosen now if necessary. Unknown if that takes longer than `limit`. It
// blocks, so do not call it on the process's loop.
Fact<BackendFacts> AskBackend(std::chrono::milliseconds limit);

// Fills `service_error` and `readers`. It does not touch any card. It queries the driver of a reader only
// while no program uses the reader, because with pcsc-lite connecting waits for any transaction. Each of
// the two steps ends after `limit` at the latest; calls that are stuck then are left to their threads.
void AskService(const Library& library, std::chrono::milliseconds limit, PcscFacts& facts);

}  // namespace pcsc_bridge::doctor
