// The readers and their cards.
#pragma once

#include <functional>
#include <memory>

#include "agent/json.h"
#include "loop/cancellable.h"
#include "readers/monitor.h"

namespace pcsc_bridge::agent {

// The monitor's first report. `answer` comes once, on the loop, which is the calling thread's; Cancel answers
// at once with SCARD_E_CANCELLED.
std::shared_ptr<Cancellable> LookAtReaders(const std::shared_ptr<Monitor>& monitor,
                                           const std::shared_ptr<Loop>& loop, Monitor::Report answer);

Json ToJson(const ReaderStatus& reader);

}  // namespace pcsc_bridge::agent
