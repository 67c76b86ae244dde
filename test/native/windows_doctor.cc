// The doctor on Windows, without Node; made by scripts/check-windows:
//   windows_doctor.exe                   prints the report
//   windows_doctor.exe --set-filter 1|0  writes the filter's setting
#include <cstdio>
#include <cstring>

#include "doctor/report.h"
#include "doctor/set_filter.h"

int main(int count, char** arguments) {
  namespace doctor = pcsc_bridge::doctor;
  if (count == 3 && std::strcmp(arguments[1], "--set-filter") == 0) {
    const auto written = doctor::WriteFilter(std::strcmp(arguments[2], "1") == 0);
    if (!written.ok()) {
      std::printf("%s: %s\n", pcsc_bridge::Describe(written.code()).name, written.error().detail.c_str());
      return 2;
    }
    std::printf("%s: %s. %s\n", written.value().changed ? "written" : "unchanged",
                written.value().place.c_str(), written.value().note.c_str());
    return 0;
  }
  const doctor::Report report = doctor::ExamineHost();
  std::printf("rule: %s\n%s", report.verdict.rule.c_str(), doctor::ToText(report).c_str());
  return report.next_steps.empty() ? 0 : 1;
}
