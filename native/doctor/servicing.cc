#include "doctor/servicing.h"

#include "doctor/hotfix_949538.h"

namespace pcsc_bridge::doctor {
namespace {

// KB4493471 (2019) gave Service Pack 2 this number.
constexpr std::uint16_t kRenumberedBuild = 6003;

const hotfix::Minimum* MinimumOf(std::uint16_t build) {
  for (const hotfix::Minimum& minimum : hotfix::kMinimums) {
    if (minimum.build == build) return &minimum;
  }
  return nullptr;
}

}  // namespace

Branch BranchOf(std::uint16_t revision) {
  if (revision >= 16384 && revision <= 20479) return Branch::kGdr;
  if (revision >= 20480 && revision <= 24575) return Branch::kLdr;
  return Branch::kNeither;
}

FileJudgement JudgeFile(const char* file, const FileVersion& version) {
  const std::string name = std::string(file) + " " + ToText(version);
  const hotfix::Minimum* minimum = MinimumOf(version.build);
  const bool renumbered = version.build == kRenumberedBuild;
  if (version.major != 6 || version.minor != 0 || (minimum == nullptr && !renumbered)) {
    return {HotfixIn::kUnproven, name + " is of no build that the article names"};
  }

  switch (BranchOf(version.revision)) {
    case Branch::kLdr:
      if (renumbered) {
        return {HotfixIn::kContained, name + " contains the hotfix (LDR branch of build 6003, KB4493471)"};
      }
      if (version.revision >= minimum->revision) {
        return {HotfixIn::kContained, name + " contains the hotfix (LDR branch, 6.0." +
                                          std::to_string(minimum->build) + "." +
                                          std::to_string(minimum->revision) + " or later)"};
      }
      return {HotfixIn::kMissing, name + " is older than the hotfix's 6.0." + std::to_string(minimum->build) +
                                      "." + std::to_string(minimum->revision)};
    case Branch::kGdr:
      if (renumbered) {
        return {HotfixIn::kUnproven, name + " is of the GDR branch of build 6003 (KB4493471): neither its " +
                                         "number nor the article tells whether the hotfix is in it"};
      }
      return {HotfixIn::kMissing,
              name + " is of the GDR branch, which does not contain hotfixes, whatever the revision"};
    case Branch::kNeither:
      break;
  }
  return {HotfixIn::kUnproven, name + " is of neither servicing branch (GDR, LDR)"};
}

std::string ToText(const FileVersion& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.build) + "." + std::to_string(version.revision);
}

}  // namespace pcsc_bridge::doctor
