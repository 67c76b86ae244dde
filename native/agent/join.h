// How an agent comes to its controller.
#pragma once

#include <memory>

#include "agent/ending.h"
#include "agent/key_file.h"
#include "agent/options.h"
#include "agent/stream.h"

namespace pcsc_bridge::agent {

// Connects, does the handshake in which both sides prove that they have the key, says hello, and waits for
// the welcome. Tries again, with growing pauses and until `options.wait` is over, if the controller is not
// there, breaks the connection or refuses for a reason that passes. Returns the welcomed stream, or null
// after `ending` has been told why there is none. A single attempt may take longer than `options.wait`: main
// limits it.
std::shared_ptr<Stream> JoinController(const Options& options, const Key& key, Ending& ending);

}  // namespace pcsc_bridge::agent
