// Facts about macOS. Its PC/SC service starts on demand.
#include <sys/sysctl.h>
#include <sys/utsname.h>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

Platform ThisPlatform() {
  return Platform::kMacos;
}

void CollectSystemFacts(const Surroundings&, HostFacts& facts) {
  UnixFacts system;
  char version[64];
  std::size_t size = sizeof(version);
  if (sysctlbyname("kern.osproductversion", version, &size, nullptr, 0) == 0 && size > 0) {
    system.system = "macOS " + std::string(version, size - 1);
  }
  utsname name{};
  if (uname(&name) == 0) {
    system.kernel = std::string(name.sysname) + " " + name.release;
    system.architecture = std::string(name.machine);
  }
  facts.unix_system = std::move(system);
  facts.pcsc.library_version = Fact<std::string>::Unknown("it is part of macOS");
}

}  // namespace pcsc_bridge::doctor
