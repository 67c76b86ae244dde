// Which processes are connected to pcscd: who it may be that holds a card.
#pragma once

#include <string>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

// The clients of the daemon at this socket, those of this process among them. Looks through the processes of
// the host: milliseconds. Clients in another network namespace, such as a container's, are not seen at all.
// daemon_clients_linux.cc, daemon_clients_portable.cc.
Fact<DaemonClients> FindDaemonClients(const std::string& socket);

}  // namespace pcsc_bridge::doctor
