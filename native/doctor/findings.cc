#include "doctor/findings.h"

#include <cstdio>

#include "doctor/hotfix_949538.h"
#include "doctor/servicing.h"
#include "session/filetime.h"

namespace pcsc_bridge::doctor {
namespace {

using Text = Fact<std::string>;

Text TimeFact(const Fact<FileTime>& time) {
  return time.known() ? Text(TimeText(*time)) : Text::Unknown(time.reason);
}

Text FileFact(const Fact<FileVersion>& version) {
  return version.known() ? Text(ToText(*version)) : Text::Unknown(version.reason);
}

// The result of the branch rule for the file, if the rule applies to this system.
std::string FileNote(const WindowsFacts& windows, const char* file, const Fact<FileVersion>& version) {
  const bool in_question = windows.version.known() && windows.version->server &&
                           windows.version->major == 6 && windows.version->minor == 0;
  return in_question && version.known() ? JudgeFile(file, *version).why : "";
}

void DescribeVersion(const WindowsFacts& windows, Findings& findings) {
  findings.Add("system", windows.product);
  if (!windows.version.known()) {
    findings.AddUnknown("version", windows.version.reason);
    return;
  }
  const WindowsVersion& version = *windows.version;
  findings.Add("version", std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                              std::to_string(version.build));
  findings.Add("service-pack", std::to_string(version.service_pack));
  findings.Add("product-type", version.server ? "server" : "workstation");
  findings.Add("terminal-sessions", version.many_terminal_users ? "terminal server" : "administration only");
}

std::string StateText(const std::optional<std::uint32_t>& state) {
  if (!state) return "state unknown";
  if (*state == ServicingPackage::kInstalled) return "installed";
  if (*state == ServicingPackage::kInstallPending) return "installation pending";
  return "state " + std::to_string(*state);
}

void DescribePackages(const WindowsFacts& windows, Findings& findings) {
  constexpr char kSupporting[] = "supporting evidence only: the files decide";
  if (!windows.packages.known()) {
    findings.AddUnknown("hotfix-packages", windows.packages.reason);
    return;
  }
  std::string text;
  for (const ServicingPackage& package : *windows.packages) {
    text += (text.empty() ? "" : ", ") + package.name + " (" + StateText(package.state) + ")";
  }
  findings.Add("hotfix-packages", text.empty() ? "none" : text, kSupporting);
}

Text RegistryFact(const Fact<RegistryValue>& value) {
  if (!value.known()) return Text::Unknown(value.reason);
  return value->present ? value->data : std::string("absent");
}

void DescribeRegistry(const WindowsFacts& windows, Findings& findings) {
  findings.Add("filter-value", RegistryFact(windows.filter), std::string("HKLM\\") + hotfix::kKey);
  Finding& other = findings.Add("filter-value-32-bit", RegistryFact(windows.filter_32));
  if (windows.filter.known() && windows.filter_32.known() && windows.filter_32->present &&
      windows.filter_32->data != RegistryFact(windows.filter).value) {
    other.note =
        "the 32-bit view differs; Windows does not read the filter there: delete it, because it is "
        "misleading";
    other.attention = true;
  }
  findings.Add("filter-key-written", TimeFact(windows.filter_key_written));
  if (windows.filter_set_by_us.known() && *windows.filter_set_by_us == 0) {
    findings.Add("filter-set-by-doctor", "never");
  } else {
    findings.Add("filter-set-by-doctor", TimeFact(windows.filter_set_by_us));
  }
  findings.Add("booted", TimeFact(windows.booted));
}

}  // namespace

void DescribeWindows(const WindowsFacts& windows, Findings& findings) {
  DescribeVersion(windows, findings);
  if (windows.wine.known() && !windows.wine->empty()) {
    findings.Add("wine", windows.wine,
                 "this is not Windows; the verdict is about the version of Windows that Wine reports");
  }
  findings.Add("architecture", windows.architecture);
  findings.Add("wow64", windows.wow64.known() ? Text(*windows.wow64 ? "yes" : "no")
                                              : Text::Unknown(windows.wow64.reason));
  findings.Add("basecsp.dll", FileFact(windows.basecsp), FileNote(windows, "basecsp.dll", windows.basecsp));
  findings.Add("scksp.dll", FileFact(windows.scksp), FileNote(windows, "scksp.dll", windows.scksp));
  DescribePackages(windows, findings);
  DescribeRegistry(windows, findings);
  findings.Add("service-SCardSvr", windows.smart_card_service);
  findings.Add("service-TermService", windows.terminal_service,
               windows.terminal_service.value == "running" ? "" : "without it connect times are unknown");
}

void DescribeUnix(const UnixFacts& system, Findings& findings) {
  findings.Add("system", system.system);
  findings.Add("kernel", system.kernel);
  findings.Add("architecture", system.architecture);
}

void DescribeFilter(const HostFacts& facts, Findings& findings) {
  const StoredFilter& stored = facts.stored_filter;
  findings.Add("filter-system",
               !stored.on   ? "not set"
               : *stored.on ? "on"
                            : "off",
               "the value of filter: 'system' in this library; " + stored.place);
}

void DescribeSession(const Fact<Session>& session, Findings& findings) {
  if (!session.known()) {
    findings.AddUnknown("session-id", session.reason);
    return;
  }
  findings.Add("session-id", std::to_string(session->identity.id));
  const FileTime time = session->identity.connect_time;
  if (time == 0) {
    findings.AddUnknown("session-connect-time", "its source does not know it");
  } else {
    findings.Add("session-connect-time", std::to_string(time), TimeText(time));
  }
  findings.Add("session-user", session->user);
  findings.Add("session-source", NameOf(session->source));
}

std::string TimeText(FileTime time) {
  const std::uint64_t seconds = time / kTicksPerSecond;
  const std::uint64_t of_day = seconds % 86'400;
  // Days since 1601-01-01, which begins a cycle of 400 years of 146,097 days.
  std::uint64_t days = seconds / 86'400;
  std::uint64_t year = 1601 + days / 146'097 * 400;
  days %= 146'097;
  const auto leap = [](std::uint64_t y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0); };
  while (days >= (leap(year) ? 366u : 365u)) days -= leap(year++) ? 366u : 365u;
  const unsigned months[] = {31, leap(year) ? 29u : 28u, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  unsigned month = 0;
  while (days >= months[month]) days -= months[month++];

  char text[64];
  std::snprintf(text, sizeof(text), "%04u-%02u-%02u %02u:%02u:%02u UTC", static_cast<unsigned>(year),
                month + 1, static_cast<unsigned>(days) + 1, static_cast<unsigned>(of_day / 3600),
                static_cast<unsigned>(of_day / 60 % 60), static_cast<unsigned>(of_day % 60));
  return text;
}

}  // namespace pcsc_bridge::doctor
