// Constructed hosts, each as a doctor might find it.
#pragma once

#include <string>

#include "doctor/facts.h"

namespace pcsc_bridge::test {

inline constexpr doctor::FileTime kMinute = 600'000'000;
inline constexpr doctor::FileTime kBooted = 133'772'904'000'000'000;

inline doctor::RegistryValue Dword(std::uint32_t number) {
  doctor::RegistryValue value;
  value.present = true;
  value.type = doctor::RegistryValue::kDword;
  value.number = number;
  value.data = "REG_DWORD " + std::to_string(number);
  return value;
}

inline doctor::RegistryValue Text(const std::string& text) {
  doctor::RegistryValue value;
  value.present = true;
  value.type = 1;
  value.data = "REG_SZ \"" + text + "\"";
  return value;
}

// A server whose two files have this version; everything else as after a fresh installation: no value in the
// registry, its key older than the last start.
inline doctor::HostFacts WindowsHost(doctor::WindowsVersion version, doctor::FileVersion files) {
  doctor::WindowsFacts windows;
  windows.product = std::string("Windows Server (R) 2008 Standard");
  windows.version = version;
  windows.architecture = std::string("x64");
  windows.wow64 = false;
  windows.wine = std::string();
  windows.basecsp = files;
  windows.scksp = files;
  windows.packages = std::vector<doctor::ServicingPackage>();
  windows.filter = doctor::RegistryValue{};
  windows.filter_32 = doctor::RegistryValue{};
  windows.filter_key_written = kBooted - 60 * kMinute;
  windows.filter_set_by_us = doctor::FileTime{0};
  windows.booted = kBooted;
  windows.smart_card_service = std::string("running");
  windows.terminal_service = std::string("running");
  windows.reader_drivers = std::vector<std::string>();

  doctor::HostFacts facts;
  facts.platform = doctor::Platform::kWindows;
  facts.windows = windows;
  facts.stored_filter.place = "the registry";
  Session session;
  session.identity = {2, kBooted + 5 * kMinute};
  session.user = "LAB\\alice";
  session.source = SessionSource::kWts;
  facts.session = session;
  facts.pcsc.library = std::string("winscard.dll");
  facts.pcsc.readers = std::vector<doctor::ReaderFacts>();
  return facts;
}

inline doctor::HostFacts Server2008(std::uint32_t build, doctor::FileVersion files) {
  return WindowsHost({6, 0, build, build == 6001 ? 1u : 2u, true, true}, files);
}

// With the hotfix, and without the setting.
inline doctor::HostFacts HotfixedServer() {
  return Server2008(6002, {6, 0, 6002, 22139});
}

inline doctor::HostFacts HotfixedServer(const doctor::RegistryValue& filter) {
  doctor::HostFacts facts = HotfixedServer();
  facts.windows->filter = filter;
  return facts;
}

inline doctor::HostFacts LinuxHost() {
  doctor::HostFacts facts;
  facts.platform = doctor::Platform::kLinux;
  facts.unix_system = doctor::UnixFacts{std::string("Debian GNU/Linux 12 (bookworm)"),
                                        std::string("Linux 6.1"), std::string("x86_64")};
  doctor::DaemonFacts daemon;
  daemon.socket = "/run/pcscd/pcscd.comm";
  daemon.protocol = std::string("4:4");
  facts.daemon = daemon;
  facts.pcsc.library = std::string("libpcsclite.so.1");
  facts.pcsc.backend = doctor::BackendFacts{"daemon", "the library talks to pcscd"};
  facts.pcsc.readers = std::vector<doctor::ReaderFacts>();
  return facts;
}

}  // namespace pcsc_bridge::test
