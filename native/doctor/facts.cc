#include "doctor/facts.h"

#include <chrono>

#include "doctor/bounded.h"
#include "doctor/pcsc_facts.h"

namespace pcsc_bridge::doctor {
namespace {

constexpr std::chrono::seconds kServiceLimit{5};
constexpr std::chrono::seconds kSessionLimit{5};

}  // namespace

Surroundings LookAround() {
  return {ReadStoredFilter(), Library::Load(), DaemonSocket()};
}

HostFacts CollectFacts(const Surroundings& surroundings) {
  HostFacts facts;
  facts.stored_filter = surroundings.stored_filter;
  Bounded<Result<Session>> session([] { return SessionOfProcess(0); });
  const auto session_limit = std::chrono::steady_clock::now() + kSessionLimit;

  if (surroundings.library) {
    const Library& library = *surroundings.library.value();
    facts.pcsc.library = library.path;
    AskService(library, kServiceLimit, facts.pcsc);
  } else {
    const std::string& why = surroundings.library.error().detail;
    facts.pcsc.library = Fact<std::string>::Unknown(why);
    facts.pcsc.service_error = surroundings.library.error();
  }
  CollectSystemFacts(surroundings, facts);

  Result<Result<Session>> answer = session.WaitUntil(session_limit);
  if (answer && *answer) {
    facts.session = std::move(answer->value());
  } else {
    facts.session = Fact<Session>::Unknown(answer ? answer->error().detail : answer.error().detail);
  }
  return facts;
}

}  // namespace pcsc_bridge::doctor
