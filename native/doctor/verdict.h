// Decides whether this host is affected by KB949538: a list of rules, read from the top; the first matching
// rule decides.
#pragma once

#include <string>
#include <vector>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

enum class VerdictKind {
  kNotAffected,
  kHotfixMissing,
  kHotfixPresentFilterOff,
  kFilterOnRestartPending,
  kFixed,
  kUnknown,
};

const char* NameOf(VerdictKind kind);  // "hotfix-missing"

// The categories that the rules distinguish, each a set of bits.
namespace host {
enum Bits : unsigned {
  kLinux = 1,
  kMacos = 2,
  kUnreadVersion = 4,
  kEarlierWindows = 8,  // before NT 6.0
  kVista = 16,
  kServer2008 = 32,  // 6.0.6001, 6.0.6002, 6.0.6003
  kServer2008R2 = 64,
  kLaterWindows = 128,  // and Windows 7
  kAny = 255,
};
}
namespace files {
enum Bits : unsigned {
  kContained = 1,
  kMissing = 2,       // in one of them, or both
  kRecordedOnly = 4,  // missing, although the servicing records have the hotfix as installed
  kUnproven = 8,
  kUnread = 16,
  kAny = 31,
};
}
namespace filter {
enum Bits : unsigned {
  kAbsent = 1,
  kOff = 2,
  kOn = 4,
  kOtherNumber = 8,
  kWrongType = 16,
  kOnlyIn32BitView = 32,
  kUnread = 64,
  kAny = 127,
};
}
// Whether Windows has been started since the value was set.
namespace restart {
enum Bits : unsigned {
  kDone = 1,
  kPending = 2,        // certainly: we set it after the start
  kLikelyPending = 4,  // the key was written after the start, but other values live in it too
  kUnread = 8,
  kAny = 15,
};
}

struct Rule {
  const char* name;  // a row of docs/doctor.md
  unsigned host;
  unsigned files;
  unsigned filter;
  unsigned restart;
  VerdictKind verdict;
  // Sentences; {system}, {files} and {setting} stand for what was found.
  const char* reason;
  const char* next_step;  // empty: nothing is to be done
};

const std::vector<Rule>& Rules();

struct Verdict {
  VerdictKind kind = VerdictKind::kUnknown;
  std::string rule;
  std::string reason;
  std::string next_step;  // empty: nothing is to be done
};

// A function of the facts and of nothing else.
Verdict Judge(const HostFacts& facts);

}  // namespace pcsc_bridge::doctor
