// Derives findings from facts: their names and remarks.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "doctor/report.h"

namespace pcsc_bridge::doctor {

// A list of findings under construction.
class Findings {
 public:
  // The returned reference is valid until the next Add.
  Finding& Add(std::string name, std::string value, std::string note = "") {
    return Append({std::move(name), std::move(value), std::move(note), false});
  }
  Finding& AddUnknown(std::string name, std::string why) {
    return Append({std::move(name), std::nullopt, std::move(why), false});
  }
  Finding& Add(std::string name, const Fact<std::string>& fact, std::string note = "") {
    if (!fact.known()) return AddUnknown(std::move(name), fact.reason);
    return Add(std::move(name), *fact, std::move(note));
  }
  std::vector<Finding> Take() { return std::move(list_); }

 private:
  Finding& Append(Finding finding) {
    list_.push_back(std::move(finding));
    return list_.back();
  }

  std::vector<Finding> list_;
};

void DescribeWindows(const WindowsFacts& windows, Findings& findings);
void DescribeUnix(const UnixFacts& system, Findings& findings);
void DescribeFilter(const HostFacts& facts, Findings& findings);
void DescribeSession(const Fact<Session>& session, Findings& findings);
void DescribePcsc(const HostFacts& facts, Findings& findings);

// "2024-05-01 10:11:12 UTC"
std::string TimeText(FileTime time);

}  // namespace pcsc_bridge::doctor
