// The facts found on a host. verdict.h and report.h interpret them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/library/library.h"
#include "cache/filter_store.h"
#include "pcsc/result.h"
#include "session/session.h"

namespace pcsc_bridge::doctor {

// A fact, or why it is unknown: a sentence without a final stop. UTF-8 throughout.
template <class T>
struct Fact {
  std::optional<T> value;
  std::string reason = "not looked for";

  Fact() = default;
  Fact(T found) : value(std::move(found)), reason() {}  // NOLINT: implicit on purpose
  static Fact Unknown(std::string why) {
    Fact fact;
    fact.reason = std::move(why);
    return fact;
  }

  bool known() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  const T* operator->() const { return &*value; }
};

struct FileVersion {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  std::uint16_t build = 0;
  std::uint16_t revision = 0;
};

struct WindowsVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t build = 0;
  std::uint32_t service_pack = 0;
  bool server = false;               // domain controllers among them
  bool many_terminal_users = false;  // a terminal server; else two sessions for administration
};

// What Component Based Servicing has recorded about a package.
struct ServicingPackage {
  std::string name;
  std::optional<std::uint32_t> state;

  static constexpr std::uint32_t kInstallPending = 0x60;
  static constexpr std::uint32_t kInstalled = 0x70;
};

// A registry value in one view; `type` is REG_NONE if it is absent.
struct RegistryValue {
  static constexpr std::uint32_t kDword = 4;

  bool present = false;
  std::uint32_t type = 0;
  std::optional<std::uint32_t> number;  // of a REG_DWORD of four bytes
  std::string data;                     // for people
};

using FileTime = std::uint64_t;  // 100-ns ticks since 1601-01-01 UTC

struct WindowsFacts {
  Fact<std::string> product;  // "Windows Server (R) 2008 Standard"
  Fact<WindowsVersion> version;
  Fact<std::string> architecture;  // the machine's: "x86", "x64", "ia64", "arm64"
  Fact<bool> wow64;                // this process is one of 32 bits on a machine of 64
  Fact<std::string> wine;          // the version of Wine, if that is what runs here; empty on Windows

  Fact<FileVersion> basecsp;
  Fact<FileVersion> scksp;
  Fact<std::vector<ServicingPackage>> packages;  // of the hotfix

  Fact<RegistryValue> filter;     // as the smart card modules see it: in the 64-bit view, if there are two
  Fact<RegistryValue> filter_32;  // in the 32-bit view; unknown if there is only one
  Fact<FileTime> filter_key_written;
  Fact<FileTime> filter_set_by_us;  // see set_filter.h; 0 = never
  Fact<FileTime> booted;

  Fact<std::string> smart_card_service;  // SCardSvr: "running", "stopped", ...
  Fact<std::string> terminal_service;    // TermService
  Fact<std::vector<std::string>> reader_drivers;
};

// A process that is connected to pcscd.
struct DaemonClient {
  std::int64_t process = 0;
  std::string program;  // its name, as the kernel has it: at most 15 bytes
  std::string user;
  std::size_t connections = 0;  // each PC/SC context is one
};

struct DaemonClients {
  std::vector<DaemonClient> processes;  // by process id
  // Connections of processes that this user may not inspect.
  std::size_t unseen = 0;
};

// pcsc-lite's daemon and the policy that controls access to it.
struct DaemonFacts {
  std::string socket;
  Fact<std::string> protocol;  // of the daemon: "4:4"; unknown: why it cannot be talked to
  std::optional<Error> error;  // if it cannot be talked to
  Fact<std::string> package;   // "pcscd 1.9.9-2"
  Fact<DaemonClients> clients;
  bool asks_polkit = false;  // pcscd has a policy: polkit decides who may use readers
  bool has_polkit = false;   // polkit is installed
};

struct UnixFacts {
  Fact<std::string> system;  // "Debian GNU/Linux 12 (bookworm)"
  Fact<std::string> kernel;
  Fact<std::string> architecture;
};

struct ReaderFacts {
  std::string name;
  bool card_present = false;
  bool in_use = false;
  Fact<std::string> driver;
};

// The way in which this library reaches PC/SC.
struct BackendFacts {
  std::string name;    // "daemon", "library"
  std::string reason;  // why this one; a sentence
};

struct PcscFacts {
  Fact<std::string> library;  // as it was loaded: "libpcsclite.so.1"
  Fact<std::string> library_file;
  Fact<std::string> library_version;
  Fact<BackendFacts> backend;
  std::optional<Error> service_error;  // what the service answers; no value if it serves
  Fact<std::vector<ReaderFacts>> readers;
};

enum class Platform { kWindows, kLinux, kMacos };

struct HostFacts {
  Platform platform = Platform::kLinux;
  std::optional<WindowsFacts> windows;
  std::optional<UnixFacts> unix_system;
  std::optional<DaemonFacts> daemon;
  Fact<Session> session;
  StoredFilter stored_filter;  // what this library's own card cache would read
  PcscFacts pcsc;
};

// Values from the environment of the process, read on the thread that owns it (see filter_setting_posix.cc).
struct Surroundings {
  Platform platform;
  StoredFilter stored_filter;
  Result<const Library*> library;
  std::string daemon_socket;  // on Linux
};
Surroundings LookAround();

// Queries the system; takes some seconds at most, even if a component hangs. Any thread.
HostFacts CollectFacts(const Surroundings& surroundings);

// Implemented per platform: facts_windows.cc, facts_linux.cc, facts_macos.cc.
Platform ThisPlatform();
// Everything except `session`, `stored_filter` and the facts of pcsc_facts.h.
void CollectSystemFacts(const Surroundings& surroundings, HostFacts& facts);

}  // namespace pcsc_bridge::doctor
