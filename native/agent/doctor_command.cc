#include "agent/doctor_command.h"

#include <cstdio>
#include <optional>

#include "agent/console.h"
#include "agent/host.h"
#include "agent/message.h"
#include "agent/options.h"
#include "agent/question.h"
#include "agent/stream.h"
#include "doctor/report.h"
#include "doctor/set_filter.h"

namespace pcsc_bridge::agent {
namespace {

// As `pcsc-bridge doctor` ends.
constexpr int kNothingToDo = 0;
constexpr int kSomethingToDo = 1;
constexpr int kFailed = 2;

struct DoctorOptions {
  bool json = false;
  bool yes = false;
  std::optional<bool> filter;
};

DoctorOptions Parse(const std::vector<std::string>& arguments) {
  DoctorOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--json") {
      options.json = true;
    } else if (word == "--yes") {
      options.yes = true;
    } else if (word == "--set-filter") {
      const std::string value = i + 1 < arguments.size() ? arguments[++i] : "";
      if (value != "1" && value != "0") throw WrongUsage("--set-filter takes 1 or 0");
      options.filter = value == "1";
    } else {
      throw WrongUsage("doctor does not know " + word);
    }
  }
  if (options.yes && !options.filter) throw WrongUsage("--yes goes with --set-filter only");
  return options;
}

Json ReportToJson(const doctor::Report& report) {
  Json findings = Json::array();
  for (const doctor::Finding& finding : report.findings) {
    findings.push_back({{"name", finding.name},
                        {"value", finding.value ? Json(*finding.value) : Json()},
                        {"note", finding.note},
                        {"attention", finding.attention}});
  }
  return {{"schema", doctor::kReportSchema}, {"verdict", doctor::NameOf(report.verdict.kind)},
          {"rule", report.verdict.rule},     {"reason", report.verdict.reason},
          {"nextSteps", report.next_steps},  {"findings", std::move(findings)}};
}

int Say(const std::string& text) {
  return Show(*platform::StandardStream(), text) ? kNothingToDo : kFailed;
}

int SetFilter(const DoctorOptions& options) {
  if (!options.yes) {
    const std::string what = *options.filter ? "on" : "off";
    const std::optional<bool> answer = platform::AskYesOrNo("Turn the smart card cache's filter " + what +
                                                            " for this host, in its registry? [y/N] ");
    if (!answer) {
      Complain("there is no terminal for the question; use --yes to answer it");
      return kFailed;
    }
    if (!*answer) {
      std::fputs("Nothing was written.\n", stderr);
      return kSomethingToDo;
    }
  }
  Result<doctor::FilterWritten> written = doctor::WriteFilter(*options.filter);
  if (!written) {
    Complain(Sentence(written.error()));
    return kFailed;
  }
  if (options.json) {
    return Say(ToLine({{"schema", doctor::kReportSchema},
                       {"value", *options.filter ? 1 : 0},
                       {"changed", written->changed},
                       {"place", written->place},
                       {"note", written->note}}));
  }
  return Say(std::string(written->changed ? "Written: " : "Unchanged: ") + written->place + " = " +
             (*options.filter ? "1. " : "0. ") + written->note + "\n");
}

}  // namespace

void AnswerDoctor(const std::shared_ptr<Request>& request) {
  Ask<doctor::Report>(
      request, []() -> Result<doctor::Report> { return doctor::ExamineHost(); },
      [](const doctor::Report& report) { return ReportToJson(report); });
}

int RunDoctor(const std::vector<std::string>& arguments) {
  const DoctorOptions options = Parse(arguments);
  if (options.filter) return SetFilter(options);
  const doctor::Report report = doctor::ExamineHost();
  const int said = Say(options.json ? ToLine(ReportToJson(report)) : doctor::ToText(report));
  return said != kNothingToDo || report.next_steps.empty() ? said : kSomethingToDo;
}

}  // namespace pcsc_bridge::agent
