#include "doctor/facts.h"

#include <chrono>
#include <utility>

#include "backend/environment_variables.h"
#include "doctor/bounded.h"
#include "doctor/pcsc_facts.h"

namespace pcsc_bridge::doctor {
namespace {

// For each question. They are asked side by side, but for the readers' drivers.
constexpr std::chrono::seconds kLimit{5};

Bounded<HostFacts> AskSystem(const Surroundings& surroundings) {
  return Bounded<HostFacts>([surroundings] {
    HostFacts facts;
    CollectSystemFacts(surroundings, facts);
    return facts;
  });
}

PcscFacts AskPcsc(const Result<const Library*>& library) {
  PcscFacts facts;
  facts.backend = AskBackend(kLimit);
  if (library) {
    AskService(*library.value(), kLimit, facts);
  } else {
    facts.service_error = library.error();
  }
  return facts;
}

}  // namespace

Surroundings LookAround() {
  return {ThisPlatform(), ReadStoredFilter(), Library::Load(), ReadEnvironmentVariables().socket};
}

HostFacts CollectFacts(const Surroundings& surroundings) {
  const Result<const Library*>& library = surroundings.library;
  const auto end = std::chrono::steady_clock::now() + kLimit;
  Bounded<HostFacts> system = AskSystem(surroundings);
  Bounded<Result<Session>> session([] { return SessionOfProcess(0); });
  PcscFacts service = AskPcsc(library);

  Result<HostFacts> found = system.WaitUntil(end);
  HostFacts facts = found ? std::move(*found) : HostFacts{};
  facts.platform = surroundings.platform;
  facts.stored_filter = surroundings.stored_filter;
  facts.pcsc.library =
      library ? Fact<std::string>(library.value()->path) : Fact<std::string>::Unknown(library.error().detail);
  facts.pcsc.backend = std::move(service.backend);
  facts.pcsc.service_error = std::move(service.service_error);
  facts.pcsc.readers = std::move(service.readers);

  Result<Result<Session>> asked = session.WaitUntil(end);
  if (asked && *asked) {
    facts.session = std::move(asked->value());
  } else {
    facts.session = Fact<Session>::Unknown(asked ? asked->error().detail : asked.error().detail);
  }
  return facts;
}

}  // namespace pcsc_bridge::doctor
