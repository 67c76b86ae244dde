// The findings in the report, and its text.
#include "doctor/report.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "doctor/findings.h"
#include "doctor_hosts.h"

namespace {

using namespace pcsc_bridge::doctor;  // NOLINT: the words of the tests
using namespace pcsc_bridge::test;    // NOLINT
namespace status = pcsc_bridge::status;

const Finding& FindingOf(const Report& report, const std::string& name) {
  for (const Finding& finding : report.findings) {
    if (finding.name == name) return finding;
  }
  FAIL("there is no finding " << name);
  return report.findings.front();
}

std::string ValueOf(const Report& report, const std::string& name) {
  return FindingOf(report, name).value.value_or("(unknown)");
}

// The library's error; pcscd answers at its socket.
HostFacts LinuxWithError(pcsc_bridge::Status code) {
  HostFacts facts = LinuxHost();
  facts.pcsc.service_error = pcsc_bridge::Error{code, "SCardEstablishContext", "", ""};
  return facts;
}

// The library's error, and pcscd's own.
HostFacts LinuxWithDaemonError(pcsc_bridge::Status code, pcsc_bridge::Status daemons,
                               const std::string& detail) {
  HostFacts facts = LinuxWithError(code);
  facts.daemon->error = pcsc_bridge::Error{daemons, "SCardEstablishContext", "", detail};
  facts.daemon->protocol = Fact<std::string>::Unknown(detail);
  return facts;
}

TEST_CASE("a finding has a name of its kind, and an unknown one has a reason") {
  HostFacts hosts[] = {LinuxHost(), HotfixedServer(), HostFacts{}};
  hosts[2].platform = Platform::kWindows;
  hosts[2].windows = WindowsFacts{};
  hosts[2].daemon = DaemonFacts{};
  for (const HostFacts& facts : hosts) {
    std::set<std::string> names;
    for (const Finding& finding : MakeReport(facts).findings) {
      CAPTURE(finding.name);
      CHECK(names.insert(finding.name).second);
      if (!finding.value) CHECK_FALSE(finding.note.empty());
      if (finding.attention) CHECK_FALSE(finding.note.empty());
    }
  }
}

TEST_CASE("a healthy host has no next step") {
  CHECK(MakeReport(LinuxHost()).next_steps.empty());
  CHECK(MakeReport(HotfixedServer(Dword(1))).next_steps.empty());
}

TEST_CASE("the verdict's step comes before those of the findings") {
  HostFacts facts = HotfixedServer();
  facts.windows->filter_32 = Dword(1);
  facts.pcsc.service_error = pcsc_bridge::Error{status::kServiceStopped, "SCardEstablishContext", "", ""};
  const Report report = MakeReport(facts);
  REQUIRE(report.next_steps.size() == 3);
  CHECK(report.next_steps[0] == report.verdict.next_step);
  CHECK(report.next_steps[1].rfind("filter-value-32-bit: ", 0) == 0);
  CHECK(report.next_steps[2].rfind("pcsc-service: ", 0) == 0);
}

TEST_CASE("Windows: versions, files, packages, setting, times and services are included by name") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->packages =
      std::vector<ServicingPackage>{{"Package_for_KB949538", ServicingPackage::kInstalled},
                                    {"Package_for_KB949538_server", 0x50},
                                    {"Package_for_KB949538_sc", {}}};
  const Report report = MakeReport(facts);
  CHECK(ValueOf(report, "version") == "6.0.6002");
  CHECK(ValueOf(report, "service-pack") == "2");
  CHECK(ValueOf(report, "product-type") == "server");
  CHECK(ValueOf(report, "architecture") == "x64");
  CHECK(ValueOf(report, "wow64") == "no");
  CHECK(ValueOf(report, "basecsp.dll") == "6.0.6002.22139");
  CHECK(FindingOf(report, "scksp.dll").note.find("contains the hotfix") != std::string::npos);
  CHECK(ValueOf(report, "hotfix-packages") ==
        "Package_for_KB949538 (installed), Package_for_KB949538_server (state 80), "
        "Package_for_KB949538_sc (state unknown)");
  CHECK(FindingOf(report, "hotfix-packages").note.find("supporting evidence") != std::string::npos);
  CHECK(ValueOf(report, "filter-value") == "REG_DWORD 1");
  CHECK(ValueOf(report, "filter-value-32-bit") == "absent");
  CHECK(ValueOf(report, "filter-set-by-doctor") == "never");
  CHECK(ValueOf(report, "service-SCardSvr") == "running");
  CHECK(ValueOf(report, "session-id") == "2");
  CHECK(ValueOf(report, "session-source") == "wts");
}

TEST_CASE("a 32-bit view with a different value is pointed out") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->filter_32 = Dword(0);
  CHECK(FindingOf(MakeReport(facts), "filter-value-32-bit").attention);
  facts.windows->filter_32 = Dword(1);
  CHECK_FALSE(FindingOf(MakeReport(facts), "filter-value-32-bit").attention);
}

TEST_CASE("Wine is named, because it is not Windows") {
  HostFacts facts = HotfixedServer();
  facts.windows->wine = std::string("10.0");
  CHECK(ValueOf(MakeReport(facts), "wine") == "10.0");
}

TEST_CASE("a service that does not work is a next step, with advice for each cause") {
  const std::pair<pcsc_bridge::Status, const char*> causes[] = {
      {status::kNoService, "does not reach pcscd"},
      {status::kServiceStopped, "pcscd speaks protocol 4:4"},
      {status::kSecurityViolation, "refuses this user"},
      {status::kNoMemory, "200 contexts"},
      {status::kTimeout, "did not report its readers in time"},
      {status::kCommError, pcsc_bridge::Describe(status::kCommError).text},
  };
  for (const auto& [code, words] : causes) {
    const Finding service = FindingOf(MakeReport(LinuxWithError(code)), "pcsc-service");
    CAPTURE(service.note);
    CHECK(service.value == pcsc_bridge::Describe(code).name);
    CHECK(service.note.find(words) != std::string::npos);
    CHECK(service.attention);
  }
}

TEST_CASE("if pcscd uses polkit, a refusal of the library may come from polkit") {
  HostFacts facts = LinuxWithError(status::kSecurityViolation);
  CHECK(ValueOf(MakeReport(facts), "polkit") == "not asked");
  CHECK(FindingOf(MakeReport(facts), "pcsc-service").note.find("polkit") == std::string::npos);
  facts.daemon->asks_polkit = true;
  CHECK(ValueOf(MakeReport(facts), "polkit") == "not installed");
  facts.daemon->has_polkit = true;
  CHECK(ValueOf(MakeReport(facts), "polkit") == "asked");
  CHECK(FindingOf(MakeReport(facts), "pcsc-service").note.find("polkit may refuse this user") == 0);
}

TEST_CASE("the advice follows from pcscd's own behaviour, whatever the library reports") {
  for (const pcsc_bridge::Status code : {status::kNoService, status::kTimeout, status::kCommError}) {
    CAPTURE(code);
    const auto advice = [code](pcsc_bridge::Status daemons, const std::string& detail) {
      return FindingOf(MakeReport(LinuxWithDaemonError(code, daemons, detail)), "pcsc-service").note;
    };
    CHECK(advice(status::kNoService, "there is no socket").rfind("start pcscd", 0) == 0);
    CHECK(advice(status::kServerTooBusy, "pcscd has no context left") == "pcscd has no context left");
    CHECK(advice(status::kSecurityViolation, "polkit refuses the user") == "polkit refuses the user");
    const std::string silent = advice(status::kTimeout, "pcscd does not answer");
    CHECK(silent.rfind("pcscd does not answer; restart it", 0) == 0);
  }
}

TEST_CASE("the backend is named with its reason, and without a backend the reason is named") {
  HostFacts facts = LinuxHost();
  CHECK(ValueOf(MakeReport(facts), "pcsc-backend") == "daemon");
  CHECK(FindingOf(MakeReport(facts), "pcsc-backend").note == "the library talks to pcscd");
  CHECK(ToText(MakeReport(facts)).find("daemon  (the library talks to pcscd)") != std::string::npos);
  facts.pcsc.backend = Fact<BackendFacts>::Unknown("not chosen: no service");
  CHECK_FALSE(FindingOf(MakeReport(facts), "pcsc-backend").value.has_value());
  CHECK(FindingOf(MakeReport(facts), "pcsc-backend").note == "not chosen: no service");
}

TEST_CASE("on Windows without readers the service is stopped, and that is no next step") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.pcsc.service_error = pcsc_bridge::Error{status::kNoService, "SCardEstablishContext", "", ""};
  CHECK_FALSE(FindingOf(MakeReport(facts), "pcsc-service").attention);
}

TEST_CASE("a missing library is a next step, with the loader's message") {
  HostFacts facts = LinuxHost();
  facts.pcsc.library = Fact<std::string>::Unknown("libpcsclite.so.1: cannot open; install it");
  facts.pcsc.service_error =
      pcsc_bridge::Error{status::kLibraryMissing, "dlopen", "", "libpcsclite.so.1: cannot open; install it"};
  const Report report = MakeReport(facts);
  CHECK_FALSE(FindingOf(report, "pcsc-library").value.has_value());
  REQUIRE(report.next_steps.size() == 1);
  CHECK(report.next_steps[0].find("install it") != std::string::npos);
}

TEST_CASE("each reader has its name, its card and its driver") {
  HostFacts facts = LinuxHost();
  ReaderFacts first;
  first.name = "Reader A";
  first.card_present = true;
  first.driver = std::string("Vendor, version 1.5.0");
  ReaderFacts second;
  second.name = "Reader B";
  second.in_use = true;
  facts.pcsc.readers = std::vector<ReaderFacts>{first, second};
  const Report report = MakeReport(facts);
  CHECK(ValueOf(report, "readers") == "2");
  CHECK(ValueOf(report, "reader-1") == "Reader A");
  CHECK(FindingOf(report, "reader-1").note == "a card is in it");
  CHECK(ValueOf(report, "reader-1-driver") == "Vendor, version 1.5.0");
  CHECK(FindingOf(report, "reader-2").note == "no card, in use");
  CHECK_FALSE(FindingOf(report, "reader-2-driver").value.has_value());
}

TEST_CASE("an unknown connect time is not shown as the year 1601") {
  HostFacts facts = LinuxHost();
  facts.session = pcsc_bridge::Session{};
  CHECK_FALSE(FindingOf(MakeReport(facts), "session-connect-time").value.has_value());
}

TEST_CASE("the text has the verdict first, then the next steps, then a line for each finding") {
  const Report report =
      MakeReport(LinuxWithDaemonError(status::kNoService, status::kNoService, "there is no socket"));
  const std::string text = ToText(report);
  CHECK(text.rfind("verdict: not-affected\n", 0) == 0);
  CHECK(text.find("next step: pcsc-service: start pcscd") < text.find("\n\n"));
  CHECK(text.find("\n! pcsc-service ") != std::string::npos);
  CHECK(text.back() == '\n');
  CHECK(ToText(MakeReport(LinuxHost())).find("\nnothing to do\n") != std::string::npos);
}

TEST_CASE("times are written for people, also in leap years") {
  CHECK(TimeText(0) == "1601-01-01 00:00:00 UTC");
  CHECK(TimeText(116'444'736'000'000'000) == "1970-01-01 00:00:00 UTC");
  CHECK(TimeText(116'444'736'000'000'000 + 951'782'400ull * 10'000'000) == "2000-02-29 00:00:00 UTC");
  CHECK(TimeText(116'444'736'000'000'000 + 1'735'689'599ull * 10'000'000) == "2024-12-31 23:59:59 UTC");
}

}  // namespace
