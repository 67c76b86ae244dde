// The decision table. docs/doctor.md shows it for readers, with the test of each row.
#include "doctor/verdict.h"
#include "loop/immortal.h"

namespace pcsc_bridge::doctor {
namespace {

using Kind = VerdictKind;

constexpr unsigned kInQuestion = host::kServer2008 | host::kServer2008R2;
constexpr char kTurnOn[] = "Turn the filter on (--set-filter 1, from an elevated prompt) and restart Windows";
constexpr char kNothing[] = "";

std::vector<Rule> MakeRules() {
  return {
      {"linux", host::kLinux, files::kAny, filter::kAny, restart::kAny, Kind::kNotAffected,
       "KB949538 is about Windows. pcsc-lite has a fault of the same kind: connecting to a card waits, "
       "without limit, while another program holds a transaction on it. This library keeps that wait on a "
       "thread of its own, can end it, and with its filter on never touches another session's card",
       kNothing},
      {"macos", host::kMacos, files::kAny, filter::kAny, restart::kAny, Kind::kNotAffected,
       "KB949538 is about Windows. This library's card cache has the same filter on every system", kNothing},
      {"version-unread", host::kUnreadVersion, files::kAny, filter::kAny, restart::kAny, Kind::kUnknown,
       "The version of Windows could not be read: {system}", "Look it up with winver, and see the article"},
      {"earlier-windows", host::kEarlierWindows, files::kAny, filter::kAny, restart::kAny, Kind::kNotAffected,
       "The article names Windows Server 2008 and Windows Server 2008 R2; this is {system}, which is older",
       kNothing},
      {"vista", host::kVista, files::kAny, filter::kAny, restart::kAny, Kind::kNotAffected,
       "The article is about terminal servers; this is {system}, a workstation, although the hotfix's "
       "package installs on Windows Vista too",
       kNothing},
      {"later-windows", host::kLaterWindows, files::kAny, filter::kAny, restart::kAny, Kind::kNotAffected,
       "The article names Windows Server 2008 and Windows Server 2008 R2; this is {system}, about which it "
       "says "
       "nothing",
       kNothing},

      {"hotfix-recorded-only", host::kServer2008, files::kRecordedOnly, filter::kAny, restart::kAny,
       Kind::kHotfixMissing,
       "{files}. The servicing records have the hotfix, but what counts is the files: either Windows has not "
       "been restarted since it was installed, or they were replaced",
       "Restart Windows and look again; if the files are still old, install the hotfix of KB949538 anew"},
      {"hotfix-missing", host::kServer2008, files::kMissing, filter::kAny, restart::kAny,
       Kind::kHotfixMissing, "{files}. Without the hotfix the setting has no effect: {setting}",
       "Install the hotfix of KB949538 (or a later LDR update of both files), restart Windows, then turn the "
       "filter on with --set-filter 1 and restart again"},
      {"hotfix-unproven", host::kServer2008, files::kUnproven, filter::kAny, restart::kAny, Kind::kUnknown,
       "{files}. The setting: {setting}",
       "Try it: the reproduction (pcsc-bridge repro) with agents on this host shows whether logons are "
       "blocked"},
      {"files-unread", host::kServer2008, files::kUnread, filter::kAny, restart::kAny, Kind::kUnknown,
       "{files}", "Look at the versions of both files in the System32 directory by hand"},

      {"filter-unread", kInQuestion, files::kAny, filter::kUnread, restart::kAny, Kind::kUnknown,
       "{files}. The setting could not be read: {setting}", "Run the doctor from an elevated prompt"},
      {"filter-redirected", kInQuestion, files::kAny, filter::kOnlyIn32BitView, restart::kAny,
       Kind::kHotfixPresentFilterOff,
       "{files}. The filter was turned on in the wrong place, the 32-bit view of the registry, where the "
       "smart card modules do not look: {setting}",
       "Set it in the 64-bit view (--set-filter 1, from an elevated prompt does), and restart Windows"},
      {"filter-absent", kInQuestion, files::kAny, filter::kAbsent, restart::kAny,
       Kind::kHotfixPresentFilterOff, "{files}. The filter is off until it is turned on: {setting}", kTurnOn},
      {"filter-off", kInQuestion, files::kAny, filter::kOff, restart::kAny, Kind::kHotfixPresentFilterOff,
       "{files}. The filter is turned off: {setting}", kTurnOn},
      {"filter-other-number", kInQuestion, files::kAny, filter::kOtherNumber, restart::kAny,
       Kind::kHotfixPresentFilterOff,
       "{files}. The article knows 0 and 1; anything else is to be taken for off: {setting}", kTurnOn},
      {"filter-wrong-type", kInQuestion, files::kAny, filter::kWrongType, restart::kAny,
       Kind::kHotfixPresentFilterOff,
       "{files}. The value is not a REG_DWORD and is to be taken for off: {setting}", kTurnOn},

      {"restart-pending", kInQuestion, files::kAny, filter::kOn, restart::kPending,
       Kind::kFilterOnRestartPending,
       "{files}. The filter is turned on, but it was set after Windows started, and it is read only then",
       "Restart Windows"},
      {"restart-likely", kInQuestion, files::kAny, filter::kOn, restart::kLikelyPending,
       Kind::kFilterOnRestartPending,
       "{files}. The filter is turned on. Its registry key was written after Windows started: likely, though "
       "not certain, the filter itself was, and it is read only at the start",
       "Restart Windows, unless it is known that the filter was on before the last start"},
      {"restart-unread", kInQuestion, files::kAny, filter::kOn, restart::kUnread, Kind::kUnknown,
       "{files}. The filter is turned on, but it is unknown whether Windows was restarted since",
       "Restart Windows if it was not restarted since the filter was turned on"},
      {"fixed", kInQuestion, files::kAny, filter::kOn, restart::kDone, Kind::kFixed,
       "{files}. The filter has been on since before Windows started: {setting}", kNothing},
  };
}

}  // namespace

const std::vector<Rule>& Rules() {
  static Immortal<std::vector<Rule>> rules(MakeRules());
  return *rules;
}

}  // namespace pcsc_bridge::doctor
