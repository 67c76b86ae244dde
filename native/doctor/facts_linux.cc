// Facts about Linux and pcsc-lite.
#include <dlfcn.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <utility>

#include "backend/daemon/backend.h"
#include "backend/line_file.h"
#include "doctor/daemon_clients.h"
#include "doctor/facts.h"

namespace pcsc_bridge::doctor {
namespace {

using Text = Fact<std::string>;

constexpr std::chrono::milliseconds kDaemonLimit{2000};
constexpr char kPolicy[] = "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy";
constexpr char kPolkitService[] = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service";

bool Exists(const char* path) {
  return access(path, F_OK) == 0;
}

// KEY=value or KEY="value", as os-release has it.
Text ReadDistribution() {
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    backend::LineFile file(path);
    const std::string key = "PRETTY_NAME=";
    for (std::string line; file.Next(line);) {
      if (line.rfind(key, 0) != 0) continue;
      line.erase(0, key.size());
      if (line.size() >= 2 && line.front() == '"' && line.back() == '"')
        line = line.substr(1, line.size() - 2);
      return line;
    }
  }
  return Text::Unknown("there is no os-release with a PRETTY_NAME");
}

// dpkg's record of what is installed: paragraphs of "Field: value".
Text ReadPackage(const std::string& name) {
  backend::LineFile file("/var/lib/dpkg/status");
  if (!file.is_open()) return Text::Unknown("this system has no packages of Debian's kind");
  bool wanted = false;
  bool installed = false;
  for (std::string line; file.Next(line);) {
    if (line.rfind("Package: ", 0) == 0) {
      wanted = line.compare(9, std::string::npos, name) == 0;
    } else if (wanted && line.rfind("Status: ", 0) == 0) {
      installed = line.find(" installed") != std::string::npos;
    } else if (wanted && installed && line.rfind("Version: ", 0) == 0) {
      return name + " " + line.substr(9);
    } else if (line.empty()) {
      wanted = installed = false;
    }
  }
  return Text::Unknown("the package " + name + " is not installed");
}

// The file behind a function of the library, all links followed.
Text FileOf(const Library& library) {
  Dl_info info{};
  char path[PATH_MAX];
  if (dladdr(reinterpret_cast<void*>(library.establish_context), &info) == 0 || info.dli_fname == nullptr ||
      realpath(info.dli_fname, path) == nullptr) {
    return Text::Unknown("the loader does not report it");
  }
  return std::string(path);
}

// pcsc-lite's library has no function that returns its version.
Text LibraryVersion(const Text& file) {
  if (!file.known()) return Text::Unknown(file.reason);
  if (file->rfind("/usr/lib", 0) != 0 && file->rfind("/lib", 0) != 0) {
    return Text::Unknown("the library is not in a directory of packages, and does not report its version");
  }
  return ReadPackage("libpcsclite1");
}

}  // namespace

Platform ThisPlatform() {
  return Platform::kLinux;
}

void CollectSystemFacts(const Surroundings& surroundings, HostFacts& facts) {
  UnixFacts system;
  system.system = ReadDistribution();
  utsname name{};
  if (uname(&name) == 0) {
    system.kernel = std::string(name.sysname) + " " + name.release;
    system.architecture = std::string(name.machine);
  }
  facts.unix_system = std::move(system);

  DaemonFacts daemon;
  daemon.socket = surroundings.daemon_socket;
  const backend::DaemonVersion version = backend::AskDaemonVersion(daemon.socket, kDaemonLimit);
  if (version.major != 0) {
    daemon.protocol = std::to_string(version.major) + ":" + std::to_string(version.minor);
  } else {
    daemon.protocol = Text::Unknown(version.usable.error().detail);
    daemon.error = version.usable.error();
  }
  daemon.package = ReadPackage("pcscd");
  daemon.clients = FindDaemonClients(daemon.socket);
  daemon.asks_polkit = Exists(kPolicy);
  daemon.has_polkit = Exists(kPolkitService);
  facts.daemon = std::move(daemon);

  if (surroundings.library) {
    facts.pcsc.library_file = FileOf(*surroundings.library.value());
    facts.pcsc.library_version = LibraryVersion(facts.pcsc.library_file);
  }
}

}  // namespace pcsc_bridge::doctor
