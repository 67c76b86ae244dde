// Lists the processes that are connected to pcscd, one of which may hold a card.
#pragma once

#include <string>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

// The clients of the daemon at this socket, including those of this process. It searches the processes of
// the host, which takes milliseconds. Clients in another network namespace, such as a container's, are not
// visible. daemon_clients_linux.cc, daemon_clients_portable.cc.
Fact<DaemonClients> FindDaemonClients(const std::string& socket);

}  // namespace pcsc_bridge::doctor
