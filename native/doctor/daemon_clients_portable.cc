#include "doctor/daemon_clients.h"

namespace pcsc_bridge::doctor {

Fact<DaemonClients> FindDaemonClients(const std::string&) {
  return Fact<DaemonClients>::Unknown("this system does not report which programs use its PC/SC service");
}

}  // namespace pcsc_bridge::doctor
