// Windows servicing: decides from a file's version whether it contains the hotfix.
#pragma once

#include <string>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

// NT 6.0 has two parallel branches of builds, which the revision distinguishes. A hotfix is made on the LDR
// branch only, and all later LDR files contain it; a GDR file never does, however high its revision.
enum class Branch { kGdr, kLdr, kNeither };
Branch BranchOf(std::uint16_t revision);

enum class HotfixIn { kContained, kMissing, kUnproven };

struct FileJudgement {
  HotfixIn hotfix = HotfixIn::kUnproven;
  std::string why;  // "basecsp.dll 6.0.6002.18005 is of the GDR branch, which ..."
};

// By the file's own version, not the system's: build 6003 still has files of build 6002.
FileJudgement JudgeFile(const char* file, const FileVersion& version);

std::string ToText(const FileVersion& version);

}  // namespace pcsc_bridge::doctor
