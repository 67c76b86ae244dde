#include "doctor/verdict.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "doctor/hotfix_949538.h"
#include "doctor/servicing.h"

namespace pcsc_bridge::doctor {
namespace {

// One host in the categories of the rules: a bit of each set, and the sentences for the placeholders.
struct Case {
  unsigned host = host::kUnreadVersion;
  unsigned files = files::kUnread;
  unsigned filter = filter::kUnread;
  unsigned restart = restart::kUnread;
  std::string system;
  std::string files_found;
  std::string setting;
};

unsigned HostOf(const HostFacts& facts) {
  if (facts.platform == Platform::kLinux) return host::kLinux;
  if (facts.platform == Platform::kMacos) return host::kMacos;
  if (!facts.windows || !facts.windows->version.known()) return host::kUnreadVersion;
  const WindowsVersion& version = *facts.windows->version;
  if (version.major < 6) return host::kEarlierWindows;
  if (version.major == 6 && version.minor == 0) return version.server ? host::kServer2008 : host::kVista;
  if (version.major == 6 && version.minor == 1 && version.server) return host::kServer2008R2;
  return host::kLaterWindows;
}

std::string SystemOf(const WindowsFacts& windows) {
  if (!windows.version.known()) return windows.version.reason;
  const WindowsVersion& version = *windows.version;
  std::string text = windows.product.known() ? *windows.product : "Windows";
  text += " " + std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
          std::to_string(version.build);
  if (version.service_pack > 0) text += " Service Pack " + std::to_string(version.service_pack);
  return text;
}

bool RecordedAsInstalled(const WindowsFacts& windows) {
  if (!windows.packages.known()) return false;
  return std::any_of(windows.packages->begin(), windows.packages->end(), [](const ServicingPackage& package) {
    return package.state == ServicingPackage::kInstalled ||
           package.state == ServicingPackage::kInstallPending;
  });
}

// The worse of the two files decides: missing in one is missing.
void JudgeFiles(const WindowsFacts& windows, Case& found) {
  bool missing = false;
  bool unread = false;
  bool unproven = false;
  const Fact<FileVersion>* versions[] = {&windows.basecsp, &windows.scksp};
  for (std::size_t i = 0; i < 2; ++i) {
    const char* name = hotfix::kFiles[i];
    FileJudgement judgement;
    if (versions[i]->known()) {
      judgement = JudgeFile(name, **versions[i]);
      missing = missing || judgement.hotfix == HotfixIn::kMissing;
      unproven = unproven || judgement.hotfix == HotfixIn::kUnproven;
    } else {
      judgement.why = "the version of " + std::string(name) + " could not be read: " + versions[i]->reason;
      unread = true;
    }
    found.files_found += (i > 0 ? "; " : "") + judgement.why;
  }
  if (missing) {
    found.files = RecordedAsInstalled(windows) ? files::kRecordedOnly : files::kMissing;
  } else if (unread) {
    found.files = files::kUnread;
  } else {
    found.files = unproven ? files::kUnproven : files::kContained;
  }
}

bool IsOn(const RegistryValue& value) {
  return value.present && value.number == hotfix::kEnabled;
}

unsigned FilterOf(const WindowsFacts& windows) {
  if (!windows.filter.known()) return filter::kUnread;
  const RegistryValue& value = *windows.filter;
  if (!value.present) {
    const bool redirected = windows.filter_32.known() && IsOn(*windows.filter_32);
    return redirected ? filter::kOnlyIn32BitView : filter::kAbsent;
  }
  if (!value.number) return filter::kWrongType;
  if (*value.number == hotfix::kEnabled) return filter::kOn;
  return *value.number == hotfix::kDisabled ? filter::kOff : filter::kOtherNumber;
}

unsigned RestartOf(const WindowsFacts& windows) {
  if (!windows.booted.known()) return restart::kUnread;
  const FileTime booted = *windows.booted;
  if (windows.filter_set_by_us.known() && *windows.filter_set_by_us > booted) return restart::kPending;
  if (!windows.filter_key_written.known()) return restart::kUnread;
  return *windows.filter_key_written > booted ? restart::kLikelyPending : restart::kDone;
}

std::string SettingOf(const WindowsFacts& windows) {
  const std::string name = hotfix::kValue;
  if (!windows.filter.known()) return windows.filter.reason;
  std::string text = name + (windows.filter->present ? " is " + windows.filter->data : " is not there");
  if (FilterOf(windows) == filter::kOnlyIn32BitView) {
    text += ", in the 32-bit view it is " + windows.filter_32->data;
  }
  return text;
}

Case Classify(const HostFacts& facts) {
  Case found;
  found.host = HostOf(facts);
  if (!facts.windows) {
    if (found.host == host::kUnreadVersion) found.system = "Windows did not answer in time";
    return found;
  }
  const WindowsFacts& windows = *facts.windows;
  JudgeFiles(windows, found);
  if (found.host == host::kServer2008R2) {
    // The files of R2 have other numbers, and the article none for them.
    found.files = files::kContained;
    found.files_found =
        "The article names Windows Server 2008 R2 among the systems with the fault and says that the hotfix "
        "is "
        "not needed there: the setting decides";
  }
  found.filter = FilterOf(windows);
  found.restart = RestartOf(windows);
  found.system = SystemOf(windows);
  found.setting = SettingOf(windows);
  return found;
}

bool Applies(const Rule& rule, const Case& found) {
  return (rule.host & found.host) != 0 && (rule.files & found.files) != 0 &&
         (rule.filter & found.filter) != 0 && (rule.restart & found.restart) != 0;
}

std::string Fill(std::string text, const Case& found) {
  const std::pair<const char*, const std::string*> places[] = {
      {"{system}", &found.system}, {"{files}", &found.files_found}, {"{setting}", &found.setting}};
  for (const auto& [place, words] : places) {
    const std::size_t at = text.find(place);
    if (at != std::string::npos) text.replace(at, std::string(place).size(), *words);
  }
  return text;
}

// What was found may begin a sentence.
std::string Sentence(std::string text) {
  if (text.empty()) return text;
  if (text.rfind("the ", 0) == 0) text[0] = 'T';
  return text + ".";
}

}  // namespace

const char* NameOf(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::kNotAffected:
      return "not-affected";
    case VerdictKind::kHotfixMissing:
      return "hotfix-missing";
    case VerdictKind::kHotfixPresentFilterOff:
      return "hotfix-present-filter-off";
    case VerdictKind::kFilterOnRestartPending:
      return "filter-on-restart-pending";
    case VerdictKind::kFixed:
      return "fixed";
    case VerdictKind::kUnknown:
      break;
  }
  return "unknown";
}

Verdict Judge(const HostFacts& facts) {
  const Case found = Classify(facts);
  for (const Rule& rule : Rules()) {
    if (Applies(rule, found)) {
      return {rule.verdict, rule.name, Sentence(Fill(rule.reason, found)),
              Sentence(Fill(rule.next_step, found))};
    }
  }
  // The rules leave no gap; doctor_verdict_test.cc tries every case.
  return {VerdictKind::kUnknown, "no-rule", "No rule matches this host.", "Please report this."};
}

}  // namespace pcsc_bridge::doctor
