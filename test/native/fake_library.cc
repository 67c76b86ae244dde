// Controls the fake PC/SC service.
#include "fake_library.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "answer.h"
#include "fake_service.h"
#include "loop/immortal.h"

namespace pcsc_bridge::test {
namespace {

// Changes the state, and wakes all waiting calls.
template <class Change>
void Alter(Change change) {
  const std::lock_guard<std::mutex> lock(TheService().mutex);
  change(The());
  TheService().changed.notify_all();
}

template <class Look>
auto Read(Look look) {
  const std::lock_guard<std::mutex> lock(TheService().mutex);
  return look(The());
}

template <class Condition>
bool Await(Condition condition) {
  std::unique_lock<std::mutex> lock(TheService().mutex);
  return TheService().changed.wait_for(lock, kPatience, [&] { return condition(The()); });
}

}  // namespace

FakeLibrary::FakeLibrary() {
  Alter([](FakeState& state) { state = FakeState(); });
  table() = FakeTable();
}

FakeLibrary::~FakeLibrary() {
  Alter([](FakeState& state) {
    state.sticks.clear();
    for (auto& [name, reader] : state.readers) LetGoOf(reader, kOtherProcess);
  });
  WaitForNoContext();
  Alter([](FakeState& state) {
    for (const std::string& violation : state.violations) FAIL_CHECK(violation);
  });
}

Library& FakeLibrary::table() {
  static Immortal<Library> table;
  return *table;
}

void FakeLibrary::AddReader(const std::string& reader, bool with_card) {
  Alter([&](FakeState& state) {
    state.readers[reader].card = with_card;
    ++state.reader_events;
  });
}

void FakeLibrary::RemoveReader(const std::string& reader) {
  Alter([&](FakeState& state) {
    state.readers.erase(reader);
    ++state.reader_events;
  });
}

void FakeLibrary::InsertCard(const std::string& reader) {
  Alter([&](FakeState& state) {
    ResetCard(state.readers[reader]);
    state.readers[reader].card = true;
    ++state.readers[reader].events;
  });
}

void FakeLibrary::RemoveCard(const std::string& reader) {
  Alter([&](FakeState& state) {
    ResetCard(state.readers[reader]);
    state.readers[reader].card = false;
    ++state.readers[reader].events;
  });
}

void FakeLibrary::Hold(const std::string& reader) {
  Alter([&](FakeState& state) {
    REQUIRE(state.readers[reader].holder == kNobody);
    state.readers[reader].holder = kOtherProcess;
  });
}

void FakeLibrary::Free(const std::string& reader) {
  Alter([&](FakeState& state) { LetGoOf(state.readers[reader], kOtherProcess); });
}

void FakeLibrary::Reset(const std::string& reader) {
  Alter([&](FakeState& state) { ResetCard(state.readers[reader]); });
}

void FakeLibrary::StopService() {
  Alter([](FakeState& state) {
    state.running = false;
    for (auto& [handle, context] : state.contexts) context.dead = true;
    for (auto& [name, reader] : state.readers) reader.holder = kNobody;
  });
}

void FakeLibrary::StartService() {
  Alter([](FakeState& state) { state.running = true; });
}

void FakeLibrary::NeverWaitForChange() {
  Alter([](FakeState& state) { state.never_waits = true; });
}

void FakeLibrary::SetPseudoReader(PseudoReader behaviour) {
  Alter([&](FakeState& state) { state.pseudo_reader = behaviour; });
}

void FakeLibrary::LimitStatusChange(std::size_t readers) {
  Alter([&](FakeState& state) { state.most_readers = readers; });
}

void FakeLibrary::ForgetState(const std::string& reader) {
  Alter([&](FakeState& state) { state.readers[reader].state_unknown = true; });
}

void FakeLibrary::Stick(Call call) {
  Alter([&](FakeState& state) { state.sticks[call] = true; });
}

void FakeLibrary::Unstick(Call call) {
  Alter([&](FakeState& state) { state.sticks[call] = false; });
}

void FakeLibrary::WaitForStuck(Call call) {
  REQUIRE(Await([&](FakeState& state) { return state.stuck[call] > 0; }));
}

void FakeLibrary::Fail(Call call, Status code, int times) {
  Alter([&](FakeState& state) { state.failures[call] = {code, times}; });
}

std::string FakeLibrary::log() {
  return last_calls(static_cast<std::size_t>(-1));
}

std::string FakeLibrary::last_calls(std::size_t count) {
  return Read([&](FakeState& state) {
    std::string calls;
    for (std::size_t i = state.log.size() - std::min(count, state.log.size()); i < state.log.size(); ++i) {
      calls += (calls.empty() ? "" : ", ") + state.log[i];
    }
    return calls;
  });
}

int FakeLibrary::count(Call call) {
  return Read([&](FakeState& state) { return state.counts[call]; });
}

void FakeLibrary::WaitForCount(Call call, int count) {
  REQUIRE(Await([&](FakeState& state) { return state.counts[call] >= count; }));
}

bool FakeLibrary::pin_verified(const std::string& reader) {
  return Read([&](FakeState& state) { return state.readers[reader].pin_verified; });
}

std::size_t FakeLibrary::contexts() {
  return Read([](FakeState& state) { return state.contexts.size(); });
}

std::size_t FakeLibrary::handles() {
  return Read([](FakeState& state) { return state.handles.size(); });
}

void FakeLibrary::WaitForNoContext() {
  CHECK(Await([](FakeState& state) { return state.contexts.empty(); }));
}

}  // namespace pcsc_bridge::test
