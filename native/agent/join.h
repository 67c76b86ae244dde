// Connects an agent to its controller.
#pragma once

#include <memory>

#include "agent/ending.h"
#include "agent/key_file.h"
#include "agent/options.h"
#include "agent/stream.h"

namespace pcsc_bridge::agent {

// Connects, performs the handshake in which both sides prove that they have the key, sends the hello, and
// waits for the welcome. It retries with growing pauses until `options.wait` is over, if the controller is
// not reachable, breaks the connection or refuses for a temporary reason. It returns the welcomed stream,
// or null after it has reported the reason to `ending`. A single attempt may take longer than
// `options.wait`: main limits it.
std::shared_ptr<Stream> JoinController(const Options& options, const Key& key, Ending& ending);

}  // namespace pcsc_bridge::agent
