// The readers and what is in them, at one glance.
#pragma once

#include <vector>

#include "agent/json.h"
#include "backend/library/library.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge::agent {

// On a context of its own; waits for no card, but for the service, if that is slow.
Result<std::vector<ReaderStatus>> LookAtReaders(const Library& library);

Json ToJson(const ReaderStatus& reader);

}  // namespace pcsc_bridge::agent
