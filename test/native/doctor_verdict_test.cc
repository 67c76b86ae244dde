// The decision table of docs/doctor.md: a constructed host for each of its rows.
#include "doctor/verdict.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "doctor_hosts.h"

namespace {

using namespace pcsc_bridge::doctor;  // NOLINT: the words of the tests
using namespace pcsc_bridge::test;    // NOLINT

Verdict CheckRule(const HostFacts& facts, const std::string& rule, VerdictKind kind) {
  const Verdict verdict = Judge(facts);
  CAPTURE(verdict.reason);
  CHECK(verdict.rule == rule);
  CHECK(std::string(NameOf(verdict.kind)) == NameOf(kind));
  CHECK(verdict.reason.find('{') == std::string::npos);
  CHECK(verdict.reason.back() == '.');
  const bool nothing = kind == VerdictKind::kNotAffected || kind == VerdictKind::kFixed;
  CHECK(verdict.next_step.empty() == nothing);
  return verdict;
}

bool Mentions(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

TEST_CASE("Linux is not affected, and the reason speaks of pcsc-lite's own fault") {
  const Verdict verdict = CheckRule(LinuxHost(), "linux", VerdictKind::kNotAffected);
  CHECK(Mentions(verdict.reason, "pcsc-lite has a fault of the same kind"));
}

TEST_CASE("macOS is not affected") {
  HostFacts facts;
  facts.platform = Platform::kMacos;
  CheckRule(facts, "macos", VerdictKind::kNotAffected);
}

TEST_CASE("a Windows whose version cannot be read is unknown") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->version = Fact<WindowsVersion>::Unknown("RtlGetVersion failed");
  const Verdict verdict = CheckRule(facts, "version-unread", VerdictKind::kUnknown);
  CHECK(Mentions(verdict.reason, "RtlGetVersion failed"));
  facts.windows.reset();
  CheckRule(facts, "version-unread", VerdictKind::kUnknown);
}

TEST_CASE("Windows before Server 2008 is not affected") {
  CheckRule(WindowsHost({5, 2, 3790, 2, true, true}, {5, 2, 3790, 3959}), "earlier-windows",
            VerdictKind::kNotAffected);
}

TEST_CASE("Windows Vista is not affected, with the hotfix or without") {
  CheckRule(WindowsHost({6, 0, 6002, 2, false, false}, {6, 0, 6002, 18005}), "vista",
            VerdictKind::kNotAffected);
  CheckRule(WindowsHost({6, 0, 6002, 2, false, false}, {6, 0, 6002, 22139}), "vista",
            VerdictKind::kNotAffected);
}

TEST_CASE("Windows 7, Server 2012 and later are not affected, as far as the article goes") {
  const WindowsVersion versions[] = {{6, 1, 7601, 1, false, false},
                                     {6, 2, 9200, 0, true, true},
                                     {6, 2, 9200, 0, false, false},
                                     {10, 0, 20348, 0, true, true}};
  for (const WindowsVersion& version : versions) {
    const Verdict verdict =
        CheckRule(WindowsHost(version, {10, 0, 20348, 1}), "later-windows", VerdictKind::kNotAffected);
    CHECK(Mentions(verdict.reason, "about which it says nothing"));
  }
}

TEST_CASE("Server 2008 with the files of its release lacks the hotfix, on either service pack") {
  CheckRule(Server2008(6001, {6, 0, 6001, 18000}), "hotfix-missing", VerdictKind::kHotfixMissing);
  CheckRule(Server2008(6002, {6, 0, 6002, 18005}), "hotfix-missing", VerdictKind::kHotfixMissing);
}

TEST_CASE("Server 2008 with LDR files older than the hotfix lacks it") {
  CheckRule(Server2008(6001, {6, 0, 6001, 22435}), "hotfix-missing", VerdictKind::kHotfixMissing);
  CheckRule(Server2008(6002, {6, 0, 6002, 22138}), "hotfix-missing", VerdictKind::kHotfixMissing);
}

TEST_CASE("Server 2008 with GDR files of a higher revision, or a higher build, lacks the hotfix") {
  const Verdict verdict =
      CheckRule(Server2008(6002, {6, 0, 6002, 20479}), "hotfix-missing", VerdictKind::kHotfixMissing);
  CHECK(Mentions(verdict.reason, "GDR branch"));
  // A plain comparison of numbers would take 6002.18005 for newer than 6001.22436, SP1's hotfix.
  CheckRule(Server2008(6001, {6, 0, 6002, 18005}), "hotfix-missing", VerdictKind::kHotfixMissing);
}

TEST_CASE("one of the two files without the hotfix is enough to lack it") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->scksp = FileVersion{6, 0, 6002, 18005};
  const Verdict verdict = CheckRule(facts, "hotfix-missing", VerdictKind::kHotfixMissing);
  CHECK(Mentions(verdict.reason, "basecsp.dll 6.0.6002.22139 contains the hotfix"));
  CHECK(Mentions(verdict.reason, "scksp.dll 6.0.6002.18005 is of the GDR branch"));
  facts.windows->basecsp = Fact<FileVersion>::Unknown("there is no such file");
  CheckRule(facts, "hotfix-missing", VerdictKind::kHotfixMissing);
}

TEST_CASE("the filter turned on without the hotfix has no effect") {
  HostFacts facts = Server2008(6002, {6, 0, 6002, 18005});
  facts.windows->filter = Dword(1);
  const Verdict verdict = CheckRule(facts, "hotfix-missing", VerdictKind::kHotfixMissing);
  CHECK(Mentions(verdict.reason, "the setting has no effect"));
  CHECK(Mentions(verdict.reason, "REG_DWORD 1"));
}

TEST_CASE("a hotfix on record whose files are old is missing until a restart shows otherwise") {
  for (const std::uint32_t state : {ServicingPackage::kInstalled, ServicingPackage::kInstallPending}) {
    HostFacts facts = Server2008(6002, {6, 0, 6002, 18005});
    facts.windows->packages =
        std::vector<ServicingPackage>{{"Package_for_KB949538~31bf3856ad364e35~amd64~~6.0.1.0", state}};
    const Verdict verdict = CheckRule(facts, "hotfix-recorded-only", VerdictKind::kHotfixMissing);
    CHECK(Mentions(verdict.next_step, "Restart Windows"));
  }
}

TEST_CASE("a package on record that is not installed changes nothing") {
  HostFacts facts = Server2008(6002, {6, 0, 6002, 18005});
  facts.windows->packages = std::vector<ServicingPackage>{{"Package_for_KB949538", 0x40}, {"other", {}}};
  CheckRule(facts, "hotfix-missing", VerdictKind::kHotfixMissing);
}

TEST_CASE("build 6003 is fixed with LDR files and unknown with GDR files") {
  HostFacts facts = Server2008(6003, {6, 0, 6003, 20555});
  facts.windows->filter = Dword(1);
  CheckRule(facts, "fixed", VerdictKind::kFixed);
  facts = Server2008(6003, {6, 0, 6003, 18555});
  facts.windows->filter = Dword(1);
  const Verdict verdict = CheckRule(facts, "hotfix-unproven", VerdictKind::kUnknown);
  CHECK(Mentions(verdict.reason, "KB4493471"));
}

TEST_CASE("build 6003 with files of build 6002 is judged by the files") {
  HostFacts facts = Server2008(6003, {6, 0, 6002, 22139});
  facts.windows->filter = Dword(1);
  CheckRule(facts, "fixed", VerdictKind::kFixed);
  CheckRule(Server2008(6003, {6, 0, 6002, 18005}), "hotfix-missing", VerdictKind::kHotfixMissing);
}

TEST_CASE("Server 2008 with files of an unknown build is unknown") {
  CheckRule(Server2008(6002, {6, 0, 6005, 22139}), "hotfix-unproven", VerdictKind::kUnknown);
  CheckRule(Server2008(6002, {6, 0, 6002, 30000}), "hotfix-unproven", VerdictKind::kUnknown);
}

TEST_CASE("Server 2008 whose files cannot be read is unknown, not missing") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->basecsp = Fact<FileVersion>::Unknown("there is no such file in the system directory");
  const Verdict verdict = CheckRule(facts, "files-unread", VerdictKind::kUnknown);
  CHECK(Mentions(verdict.reason, "The version of basecsp.dll could not be read: there is no such file"));
}

TEST_CASE("IA-64 and 32 bits are judged by the same versions") {
  for (const char* architecture : {"ia64", "x86"}) {
    HostFacts facts = HotfixedServer(Dword(1));
    facts.windows->architecture = std::string(architecture);
    facts.windows->filter_32 = Fact<RegistryValue>::Unknown("one view only");
    CheckRule(facts, "fixed", VerdictKind::kFixed);
  }
}

TEST_CASE("with the hotfix and no value the filter is off, on either service pack") {
  const Verdict verdict = CheckRule(HotfixedServer(), "filter-absent", VerdictKind::kHotfixPresentFilterOff);
  CHECK(Mentions(verdict.next_step, "--set-filter 1"));
  CheckRule(Server2008(6001, {6, 0, 6001, 22436}), "filter-absent", VerdictKind::kHotfixPresentFilterOff);
}

TEST_CASE("with the hotfix and the value 0 the filter is off") {
  CheckRule(HotfixedServer(Dword(0)), "filter-off", VerdictKind::kHotfixPresentFilterOff);
}

TEST_CASE("with the hotfix and the value 2 the filter is taken for off") {
  const Verdict verdict =
      CheckRule(HotfixedServer(Dword(2)), "filter-other-number", VerdictKind::kHotfixPresentFilterOff);
  CHECK(Mentions(verdict.reason, "REG_DWORD 2"));
}

TEST_CASE("with the hotfix and the value \"1\" as text the filter is taken for off") {
  const Verdict verdict =
      CheckRule(HotfixedServer(Text("1")), "filter-wrong-type", VerdictKind::kHotfixPresentFilterOff);
  CHECK(Mentions(verdict.reason, "REG_SZ \"1\""));
}

TEST_CASE("a value in the 32-bit view only is in the wrong place") {
  HostFacts facts = HotfixedServer();
  facts.windows->filter_32 = Dword(1);
  const Verdict verdict = CheckRule(facts, "filter-redirected", VerdictKind::kHotfixPresentFilterOff);
  CHECK(Mentions(verdict.next_step, "64-bit view"));
}

TEST_CASE(
    "a value in the 32-bit view that turns nothing on, or beside one in the 64-bit view, decides nothing") {
  HostFacts facts = HotfixedServer();
  facts.windows->filter_32 = Dword(0);
  CheckRule(facts, "filter-absent", VerdictKind::kHotfixPresentFilterOff);
  facts = HotfixedServer(Dword(0));
  facts.windows->filter_32 = Dword(1);
  CheckRule(facts, "filter-off", VerdictKind::kHotfixPresentFilterOff);
  facts = HotfixedServer(Dword(1));
  facts.windows->filter_32 = Dword(0);
  CheckRule(facts, "fixed", VerdictKind::kFixed);
}

TEST_CASE("a setting that cannot be read leaves the verdict unknown") {
  HostFacts facts = HotfixedServer();
  facts.windows->filter = Fact<RegistryValue>::Unknown("access is denied (RegOpenKeyEx)");
  const Verdict verdict = CheckRule(facts, "filter-unread", VerdictKind::kUnknown);
  CHECK(Mentions(verdict.reason, "access is denied"));
}

TEST_CASE("the filter set by the doctor after the last start is pending for certain") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->filter_set_by_us = kBooted + kMinute;
  facts.windows->filter_key_written = kBooted + kMinute;
  CheckRule(facts, "restart-pending", VerdictKind::kFilterOnRestartPending);
}

TEST_CASE("the filter's key written after the last start makes a restart likely, not certain") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->filter_key_written = kBooted + kMinute;
  Verdict verdict = CheckRule(facts, "restart-likely", VerdictKind::kFilterOnRestartPending);
  CHECK(Mentions(verdict.reason, "likely, though not certain"));
  // Set by the doctor before the start, and written again since.
  facts.windows->filter_set_by_us = kBooted - kMinute;
  CheckRule(facts, "restart-likely", VerdictKind::kFilterOnRestartPending);
}

TEST_CASE("without the time of the last start, or of the key, it is unknown whether a restart is pending") {
  HostFacts facts = HotfixedServer(Dword(1));
  facts.windows->booted = Fact<FileTime>::Unknown("no clock");
  CheckRule(facts, "restart-unread", VerdictKind::kUnknown);
  facts = HotfixedServer(Dword(1));
  facts.windows->filter_key_written = Fact<FileTime>::Unknown("access is denied");
  CheckRule(facts, "restart-unread", VerdictKind::kUnknown);
}

TEST_CASE("the hotfix and the filter on since before the last start are the fix, on either service pack") {
  CheckRule(HotfixedServer(Dword(1)), "fixed", VerdictKind::kFixed);
  HostFacts facts = Server2008(6001, {6, 0, 6001, 22436});
  facts.windows->filter = Dword(1);
  facts.windows->filter_set_by_us = kBooted - kMinute;
  CheckRule(facts, "fixed", VerdictKind::kFixed);
}

TEST_CASE("on Server 2008 R2 the setting decides, and the reason says what the article says") {
  const WindowsVersion r2{6, 1, 7601, 1, true, true};
  HostFacts facts = WindowsHost(r2, {6, 1, 7601, 17514});
  Verdict verdict = CheckRule(facts, "filter-absent", VerdictKind::kHotfixPresentFilterOff);
  CHECK(Mentions(verdict.reason, "the hotfix is not needed there"));
  facts.windows->filter = Dword(1);
  CheckRule(facts, "fixed", VerdictKind::kFixed);
  facts.windows->filter_set_by_us = kBooted + kMinute;
  CheckRule(facts, "restart-pending", VerdictKind::kFilterOnRestartPending);
  // Its files have numbers of their own, which are not evaluated.
  facts = WindowsHost(r2, {});
  facts.windows->basecsp = Fact<FileVersion>::Unknown("not there");
  CheckRule(facts, "filter-absent", VerdictKind::kHotfixPresentFilterOff);
}

TEST_CASE("every host has a rule, and every rule has a host") {
  std::vector<bool> used(Rules().size());
  for (unsigned h = 1; h <= host::kAny; h <<= 1) {
    for (unsigned f = 1; f <= files::kAny; f <<= 1) {
      for (unsigned s = 1; s <= filter::kAny; s <<= 1) {
        for (unsigned r = 1; r <= restart::kAny; r <<= 1) {
          const auto first = std::find_if(Rules().begin(), Rules().end(), [&](const Rule& rule) {
            return (rule.host & h) != 0 && (rule.files & f) != 0 && (rule.filter & s) != 0 &&
                   (rule.restart & r) != 0;
          });
          REQUIRE((first != Rules().end()));
          used[static_cast<std::size_t>(first - Rules().begin())] = true;
        }
      }
    }
  }
  CHECK(std::count(used.begin(), used.end(), true) == static_cast<std::ptrdiff_t>(used.size()));
}

}  // namespace
