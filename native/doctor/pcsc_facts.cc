#include "doctor/pcsc_facts.h"

#include <algorithm>
#include <cstddef>
#include <future>
#include <utility>

#include "backend/choice.h"
#include "backend/library/client_calls.h"
#include "doctor/bounded.h"
#include "loop/loop.h"
#include "loop/worker.h"

namespace pcsc_bridge::doctor {
namespace {

// Attributes of PC/SC part 3: SCARD_ATTR_VENDOR_NAME, _VENDOR_IFD_TYPE, _VENDOR_IFD_VERSION.
constexpr std::uint32_t kVendorName = abi::kAttributeVendorName;
constexpr std::uint32_t kVendorType = 0x00010101;
constexpr std::uint32_t kVendorVersion = 0x00010102;

using Readers = Result<std::vector<ReaderFacts>>;
using Clock = std::chrono::steady_clock;

Readers ListReaders(const Library& library) {
  Result<Context> context = Context::Establish(library);
  if (!context) return context.error();
  Result<std::vector<std::string>> names = context->ListReaders();
  if (!names) return names.error();

  std::vector<ReaderFacts> readers;
  std::vector<ReaderStatus> states;
  for (std::string& name : *names) {
    states.push_back({name, reader_state::kUnaware, 0, {}});
    ReaderFacts reader;
    reader.name = std::move(name);
    readers.push_back(std::move(reader));
  }
  // If a reader is removed in between, this fails: then no states are known.
  if (!states.empty() && context->GetStatusChange(states, std::chrono::milliseconds(0))) {
    for (std::size_t i = 0; i < readers.size(); ++i) {
      readers[i].card_present = (states[i].state & reader_state::kPresent) != 0;
      readers[i].in_use = (states[i].state & (reader_state::kInUse | reader_state::kExclusive)) != 0;
    }
  }
  return readers;
}

// Drivers answer with text, some with a zero at its end, some with anything.
std::string WithoutControls(const Bytes& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (byte >= 0x20 && byte < 0x7f) text += static_cast<char>(byte);
  }
  return text;
}

Fact<std::string> AskDriver(const Library& library, const std::string& reader) {
  backend::ClientCalls calls(library);
  const backend::Outcome connected = calls.Make(backend::Connect{reader, ShareMode::kDirect, 0});
  if (!connected) return Fact<std::string>::Unknown(Describe(connected.code()).text);

  std::string text;
  for (const std::uint32_t attribute : {kVendorName, kVendorType}) {
    const backend::Outcome answer = calls.Make(backend::GetAttribute{attribute});
    const std::string part = answer ? WithoutControls(answer.value().bytes) : "";
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  }
  // A DWORD 0xMMmmbbbb in the machine's order.
  const backend::Outcome version = calls.Make(backend::GetAttribute{kVendorVersion});
  if (version && version.value().bytes.size() == 4) {
    const Bytes& bytes = version.value().bytes;
    text += (text.empty() ? "version " : ", version ") + std::to_string(bytes[3]) + "." +
            std::to_string(bytes[2]) + "." + std::to_string(bytes[1] << 8 | bytes[0]);
  }
  if (text.empty()) return Fact<std::string>::Unknown("the driver does not report its name or version");
  return text;
}

}  // namespace

Fact<BackendFacts> AskBackend(std::chrono::milliseconds limit) {
  using Choice = Result<backend::Choice>;
  const std::shared_ptr<Loop> loop = Loop::OfProcess();
  if (!loop) return Fact<BackendFacts>::Unknown(NoLoopError().detail);
  const auto promise = std::make_shared<std::promise<Choice>>();
  std::future<Choice> future = promise->get_future();
  backend::Choose(loop, [promise](Choice choice) { promise->set_value(std::move(choice)); });
  if (future.wait_for(limit) != std::future_status::ready) {
    return Fact<BackendFacts>::Unknown("not chosen: the PC/SC library does not answer");
  }
  const Choice choice = future.get();
  if (choice) return BackendFacts{choice.value().backend->name(), choice.value().reason};
  const Error& error = choice.error();
  return Fact<BackendFacts>::Unknown("not chosen: " +
                                     (error.detail.empty() ? Describe(error.code).text : error.detail));
}

void AskService(const Library& library, std::chrono::milliseconds limit, PcscFacts& facts) {
  Bounded<Readers> listing([&library] { return ListReaders(library); });  // libraries are never unloaded
  Result<Readers> listed = listing.WaitUntil(Clock::now() + limit);
  if (!listed || !*listed) {
    facts.service_error = listed ? listed->error() : listed.error();
    facts.readers = Fact<std::vector<ReaderFacts>>::Unknown("the smart card service does not serve");
    return;
  }

  std::vector<ReaderFacts> readers = std::move(listed->value());
  std::vector<std::pair<ReaderFacts*, Bounded<Fact<std::string>>>> questions;
  for (ReaderFacts& reader : readers) {
    if (reader.in_use) {
      reader.driver = Fact<std::string>::Unknown("not queried: another program uses the reader");
    } else {
      questions.emplace_back(&reader, Bounded<Fact<std::string>>([&library, name = reader.name] {
        return AskDriver(library, name);
      }));
    }
  }
  const Clock::time_point end = Clock::now() + limit;
  for (auto& [reader, question] : questions) {
    Result<Fact<std::string>> driver = question.WaitUntil(end);
    reader->driver =
        driver ? std::move(*driver) : Fact<std::string>::Unknown("the driver: " + driver.error().detail);
  }
  facts.readers = std::move(readers);
}

}  // namespace pcsc_bridge::doctor
