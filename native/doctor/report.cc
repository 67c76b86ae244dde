#include "doctor/report.h"

#include <algorithm>
#include <utility>

#include "doctor/findings.h"
#include "pcsc/printable.h"

namespace pcsc_bridge::doctor {

Report MakeReport(const HostFacts& facts) {
  Report report;
  report.verdict = Judge(facts);
  Findings findings;
  if (facts.windows) DescribeWindows(*facts.windows, findings);
  if (facts.unix_system) DescribeUnix(*facts.unix_system, findings);
  DescribeFilter(facts, findings);
  DescribeSession(facts.session, findings);
  DescribePcsc(facts, findings);
  report.findings = findings.Take();

  if (!report.verdict.next_step.empty()) report.next_steps.push_back(report.verdict.next_step);
  for (const Finding& finding : report.findings) {
    if (finding.attention) report.next_steps.push_back(finding.name + ": " + finding.note);
  }
  return report;
}

Report ExamineHost() {
  return MakeReport(CollectFacts(LookAround()));
}

std::string ToText(const Report& report) {
  std::string text =
      "verdict: " + std::string(NameOf(report.verdict.kind)) + "\n" + report.verdict.reason + "\n";
  for (const std::string& step : report.next_steps) text += "next step: " + Printable(step) + "\n";
  if (report.next_steps.empty()) text += "nothing to do\n";
  text += "\n";
  std::size_t width = 0;
  for (const Finding& finding : report.findings) width = std::max(width, finding.name.size());
  for (const Finding& finding : report.findings) {
    text += (finding.attention ? "! " : "  ") + finding.name;
    text += std::string(width - finding.name.size() + 2, ' ');
    text += finding.value ? Printable(*finding.value) : "?";
    if (!finding.note.empty()) text += "  (" + Printable(finding.note) + ")";
    text += "\n";
  }
  return text;
}

}  // namespace pcsc_bridge::doctor
