// Which protocol each daemon speaks, as far as this process has learnt.
#pragma once

#include <cstdint>
#include <string>

#include "backend/daemon/protocol.h"
#include "pcsc/result.h"

namespace pcsc_bridge::daemon {

// The minor version to offer to the daemon at this socket: the one it was found to speak, else the oldest.
// Any thread.
std::int32_t MinorToOffer(const std::string& socket);
// The daemon at this socket has said this version. Any thread.
void RememberMinor(const std::string& socket, std::int32_t minor);

// The minor version of ours that is nearest to the daemon's.
std::int32_t NearestMinor(std::int32_t minor);

Error ProtocolMismatch(const Version& daemon);

}  // namespace pcsc_bridge::daemon
