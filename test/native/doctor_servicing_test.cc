// The branches of Windows servicing, and what a file's version implies about the hotfix.
#include "doctor/servicing.h"

#include <doctest/doctest.h>

namespace {

using namespace pcsc_bridge::doctor;  // NOLINT: the words of the tests

HotfixIn Judged(FileVersion version) {
  const FileJudgement judgement = JudgeFile("basecsp.dll", version);
  CHECK(judgement.why.rfind("basecsp.dll " + ToText(version), 0) == 0);
  return judgement.hotfix;
}

TEST_CASE("revisions from 16384 are GDR, from 20480 LDR, and others are neither") {
  CHECK(BranchOf(0) == Branch::kNeither);
  CHECK(BranchOf(16383) == Branch::kNeither);
  CHECK(BranchOf(16384) == Branch::kGdr);
  CHECK(BranchOf(20479) == Branch::kGdr);
  CHECK(BranchOf(20480) == Branch::kLdr);
  CHECK(BranchOf(24575) == Branch::kLdr);
  CHECK(BranchOf(24576) == Branch::kNeither);
}

TEST_CASE("the hotfix's own files and later ones of their branch contain it, earlier ones do not") {
  CHECK(Judged({6, 0, 6001, 22436}) == HotfixIn::kContained);
  CHECK(Judged({6, 0, 6001, 22437}) == HotfixIn::kContained);
  CHECK(Judged({6, 0, 6001, 24575}) == HotfixIn::kContained);
  CHECK(Judged({6, 0, 6001, 22435}) == HotfixIn::kMissing);
  CHECK(Judged({6, 0, 6002, 22139}) == HotfixIn::kContained);
  CHECK(Judged({6, 0, 6002, 22138}) == HotfixIn::kMissing);
  // Each service pack has its own number: this one is the hotfix on SP2 and too old on SP1.
  CHECK(Judged({6, 0, 6001, 22139}) == HotfixIn::kMissing);
}

TEST_CASE("a GDR file does not contain the hotfix, whatever its revision") {
  CHECK(Judged({6, 0, 6001, 18000}) == HotfixIn::kMissing);
  CHECK(Judged({6, 0, 6002, 18005}) == HotfixIn::kMissing);  // a higher number than SP1's hotfix
  CHECK(Judged({6, 0, 6002, 19999}) == HotfixIn::kMissing);
  CHECK(Judged({6, 0, 6002, 20479}) == HotfixIn::kMissing);
}

TEST_CASE("in build 6003, LDR files contain the hotfix, and GDR files prove nothing") {
  CHECK(Judged({6, 0, 6003, 20480}) == HotfixIn::kContained);
  CHECK(Judged({6, 0, 6003, 21000}) == HotfixIn::kContained);
  CHECK(Judged({6, 0, 6003, 18005}) == HotfixIn::kUnproven);
}

TEST_CASE("files of other builds, or of no branch, prove nothing") {
  CHECK(Judged({6, 0, 6000, 16386}) == HotfixIn::kUnproven);
  CHECK(Judged({6, 0, 6004, 22139}) == HotfixIn::kUnproven);
  CHECK(Judged({6, 0, 6002, 100}) == HotfixIn::kUnproven);
  CHECK(Judged({6, 0, 6002, 30000}) == HotfixIn::kUnproven);
  CHECK(Judged({6, 1, 7600, 16385}) == HotfixIn::kUnproven);
  CHECK(Judged({5, 2, 6002, 22139}) == HotfixIn::kUnproven);
  CHECK(Judged({0, 0, 0, 0}) == HotfixIn::kUnproven);
}

}  // namespace
