// The doctor's report: the verdict and every finding, ready to be shown as JSON or text. docs/doctor.md has
// the names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/facts.h"
#include "doctor/verdict.h"

namespace pcsc_bridge::doctor {

inline constexpr int kReportSchema = 1;

struct Finding {
  std::string name;                  // "basecsp.dll"; one of its kind in a report
  std::optional<std::string> value;  // no value: unknown, and `note` says why
  std::string note;                  // a remark, or empty
  bool attention = false;            // action is required; the note says which
};

struct Report {
  Verdict verdict;
  std::vector<std::string> next_steps;  // the verdict's, then the findings'; empty: no action is required
  std::vector<Finding> findings;
};

// A function of the facts and of nothing else.
Report MakeReport(const HostFacts& facts);

// LookAround, CollectFacts and MakeReport in one call, for callers on a thread that may block.
Report ExamineHost();

// For people, in lines of any length. Ends with a newline.
std::string ToText(const Report& report);

}  // namespace pcsc_bridge::doctor
