// The doctor's requests to the smart card service: never for long, and never blocking another program.
#include "doctor/pcsc_facts.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstring>

#include "answer.h"
#include "fake_library.h"
#include "pcsc/types.h"

namespace {

using namespace pcsc_bridge::doctor;  // NOLINT: the words of the tests
using namespace pcsc_bridge::test;    // NOLINT
namespace abi = pcsc_bridge::abi;
namespace status = pcsc_bridge::status;

constexpr std::chrono::milliseconds kShort{50};

PcscFacts Ask(FakeLibrary& library, std::chrono::milliseconds limit = kPatience) {
  PcscFacts facts;
  AskService(library.table(), limit, facts);
  return facts;
}

// A driver that reports its attributes.
abi::Long TellingDriver(abi::CardHandle, abi::Dword id, unsigned char* value, abi::Dword* length) {
  const auto answer = [&](const char* bytes, std::size_t size) {
    if (value != nullptr) std::memcpy(value, bytes, size);
    *length = size;
    return abi::Long{0};
  };
  if (id == 0x00010100) return answer("Vendor\0", 7);
  if (id == 0x00010102) return answer("\x07\x00\x05\x01", 4);
  return static_cast<abi::Long>(status::kUnsupportedFeature);
}

TEST_CASE("readers are listed with their cards and driver attributes") {
  FakeLibrary library;
  library.AddReader("A");
  library.AddReader("B", false);
  library.table().get_attrib = TellingDriver;
  const PcscFacts facts = Ask(library);
  CHECK_FALSE(facts.service_error.has_value());
  REQUIRE(facts.readers.known());
  REQUIRE(facts.readers->size() == 2);
  const ReaderFacts& reader = facts.readers->front();
  CHECK(reader.name == "A");
  CHECK(reader.card_present);
  REQUIRE(reader.driver.known());
  CHECK(*reader.driver == "Vendor, version 1.5.7");
  CHECK_FALSE(facts.readers->back().card_present);
}

TEST_CASE("a service that does not run is reported with its code") {
  FakeLibrary library;
  library.StopService();
  const PcscFacts facts = Ask(library);
  REQUIRE(facts.service_error.has_value());
  CHECK(facts.service_error->code == status::kNoService);
  CHECK_FALSE(facts.readers.known());
}

TEST_CASE("a service that does not respond is abandoned") {
  FakeLibrary library;
  library.AddReader("A");
  library.Stick(Call::kEstablish);
  const PcscFacts facts = Ask(library, kShort);
  REQUIRE(facts.service_error.has_value());
  CHECK(facts.service_error->code == status::kTimeout);
  library.WaitForStuck(Call::kEstablish);
  library.Unstick(Call::kEstablish);
  library.WaitForCount(Call::kRelease, 1);
  library.WaitForNoContext();
}

TEST_CASE("a stuck reader blocks neither the doctor nor the other readers") {
  FakeLibrary library;
  library.AddReader("A");
  library.AddReader("B");
  library.Hold("A");  // and connecting to it waits, as in pcsc-lite
  library.table().get_attrib = TellingDriver;
  const PcscFacts facts = Ask(library, std::chrono::milliseconds(500));
  REQUIRE(facts.readers.known());
  REQUIRE(facts.readers->size() == 2);
  CHECK_FALSE(facts.readers->front().driver.known());
  CHECK(facts.readers->back().driver.known());
  library.Free("A");
  library.WaitForNoContext();
}

// The fake service does not report that a reader is in use; this one reports it for each.
abi::GetStatusChange real_status_change = nullptr;
abi::Long EverythingInUse(abi::ContextHandle context, abi::Dword timeout, abi::ReaderState* states,
                          abi::Dword count) {
  const abi::Long code = real_status_change(context, timeout, states, count);
  for (abi::Dword i = 0; i < count; ++i) states[i].event_state |= pcsc_bridge::reader_state::kInUse;
  return code;
}

TEST_CASE("the doctor does not connect to a reader in use") {
  FakeLibrary library;
  library.AddReader("A");
  real_status_change = library.table().get_status_change;
  library.table().get_status_change = EverythingInUse;
  const PcscFacts facts = Ask(library);
  REQUIRE(facts.readers.known());
  CHECK(facts.readers->front().in_use);
  CHECK_FALSE(facts.readers->front().driver.known());
  CHECK(library.count(Call::kConnect) == 0);
}

}  // namespace
