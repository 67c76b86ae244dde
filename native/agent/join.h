// How an agent comes to its controller.
#pragma once

#include <memory>

#include "agent/ending.h"
#include "agent/key_file.h"
#include "agent/options.h"
#include "agent/stream.h"

namespace pcsc_bridge::agent {

// Connects, proves that it has the key and has the controller prove it, says hello, and waits for the
// welcome. Tries again, with growing pauses and until `options.wait` is over, while the controller is not
// there, breaks the connection or refuses for a reason that passes. The welcomed stream; null if `ending` has
// been told why there is none. An attempt itself may take longer: whoever waits for `ending` limits that.
std::shared_ptr<Stream> JoinController(const Options& options, const Key& key, Ending& ending);

}  // namespace pcsc_bridge::agent
