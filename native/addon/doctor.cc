#include "addon/functions.h"

#include <utility>

#include "addon/promise.h"
#include "doctor/daemon_clients.h"
#include "doctor/report.h"
#include "doctor/set_filter.h"

namespace pcsc_bridge::addon {
namespace {

using doctor::Finding;
using doctor::Report;

Napi::Value FromFinding(Napi::Env env, const Finding& finding) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", finding.name);
  object.Set("value", finding.value ? Napi::Value(Napi::String::New(env, *finding.value)) : env.Null());
  object.Set("note", finding.note);
  object.Set("attention", finding.attention);
  return object;
}

Napi::Value FromReport(Napi::Env env, Report& report) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("schema", doctor::kReportSchema);
  object.Set("verdict", doctor::NameOf(report.verdict.kind));
  object.Set("rule", report.verdict.rule);
  object.Set("reason", report.verdict.reason);
  Napi::Array steps = Napi::Array::New(env, report.next_steps.size());
  for (std::uint32_t i = 0; i < steps.Length(); ++i) steps.Set(i, report.next_steps[i]);
  object.Set("nextSteps", steps);
  Napi::Array findings = Napi::Array::New(env, report.findings.size());
  for (std::uint32_t i = 0; i < findings.Length(); ++i) {
    findings.Set(i, FromFinding(env, report.findings[i]));
  }
  object.Set("findings", findings);
  return object;
}

Napi::Value FromClients(Napi::Env env, doctor::DaemonClients& clients) {
  Napi::Array processes = Napi::Array::New(env, clients.processes.size());
  for (std::uint32_t i = 0; i < processes.Length(); ++i) {
    const doctor::DaemonClient& client = clients.processes[i];
    Napi::Object process = Napi::Object::New(env);
    process.Set("pid", static_cast<double>(client.process));
    process.Set("program", client.program);
    process.Set("user", client.user);
    process.Set("connections", static_cast<double>(client.connections));
    processes.Set(i, process);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("processes", processes);
  object.Set("unseen", static_cast<double>(clients.unseen));
  return object;
}

Napi::Value FromWritten(Napi::Env env, doctor::FilterWritten& written) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("changed", written.changed);
  object.Set("place", written.place);
  object.Set("note", written.note);
  return object;
}

}  // namespace

Napi::Value Doctor(const Napi::CallbackInfo& info) {
  const Promised<Report> promised = MakePromise<Report>(info.Env(), FromReport);
  // The environment belongs to this thread; the slow part runs on a worker.
  AnswerOnWorker<Report>(promised, [surroundings = doctor::LookAround()]() -> Result<Report> {
    return doctor::MakeReport(doctor::CollectFacts(surroundings));
  });
  return promised.promise;
}

Napi::Value ListDaemonClients(const Napi::CallbackInfo& info) {
  const Promised<doctor::DaemonClients> promised =
      MakePromise<doctor::DaemonClients>(info.Env(), FromClients);
  AnswerOnWorker<doctor::DaemonClients>(
      promised, [socket = doctor::LookAround().daemon_socket]() -> Result<doctor::DaemonClients> {
        const doctor::Fact<doctor::DaemonClients> clients = doctor::FindDaemonClients(socket);
        if (!clients.known()) return Error{status::kUnsupportedFeature, "sock_diag", "", clients.reason};
        return *clients;
      });
  return promised.promise;
}

Napi::Value WriteFilterSetting(const Napi::CallbackInfo& info) {
  if (!info[0].IsBoolean()) throw Napi::TypeError::New(info.Env(), "on must be a boolean");
  const Promised<doctor::FilterWritten> promised =
      MakePromise<doctor::FilterWritten>(info.Env(), FromWritten);
  AnswerOnWorker<doctor::FilterWritten>(
      promised, [on = info[0].As<Napi::Boolean>().Value()] { return doctor::WriteFilter(on); });
  return promised.promise;
}

}  // namespace pcsc_bridge::addon
