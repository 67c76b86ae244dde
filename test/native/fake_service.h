// The state of the one fake PC/SC service, shared by the functions of its table and the code that controls
// it.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backend/library/library.h"
#include "fake_library.h"
#include "pcsc/status.h"

namespace pcsc_bridge::test {

inline constexpr abi::CardHandle kNobody = 0;
inline constexpr abi::CardHandle kOtherProcess = -1;

struct FakeReader {
  bool card = false;
  bool pin_verified = false;
  bool state_unknown = false;  // to SCardGetStatusChange
  int resets = 0;
  abi::Dword events = 0;
  abi::CardHandle holder = kNobody;
};

struct FakeHandle {
  abi::ContextHandle context = 0;
  std::string reader;
  int resets_seen = 0;
};

struct FakeContext {
  std::thread::id inside;  // the thread in a call on it
  bool dead = false;
  bool waiting = false;
  bool cancelled = false;
};

// Guarded by the mutex.
struct FakeState {
  std::map<std::string, FakeReader> readers;
  std::map<abi::ContextHandle, FakeContext> contexts;
  std::map<abi::CardHandle, FakeHandle> handles;
  std::map<Call, bool> sticks;
  std::map<Call, int> stuck;
  std::map<Call, int> counts;
  std::map<Call, std::pair<Status, int>> failures;
  std::vector<std::string> log;
  std::vector<std::string> violations;
  bool running = true;
  bool never_waits = false;
  PseudoReader pseudo_reader = PseudoReader::kCountsEvents;
  abi::Dword reader_events = 0;
  std::size_t most_readers = 1000;  // limit of SCardGetStatusChange
};

struct FakeService {
  std::mutex mutex;
  std::condition_variable changed;
  FakeState state;
  long last_number = 1000;  // never reused, so that a stale handle is detected
};

// Never destroyed: threads may still be leaving a call.
FakeService& TheService();
inline FakeState& The() {
  return TheService().state;
}

void ResetCard(FakeReader& reader);
// Frees the reader if the handle holds it.
void LetGoOf(FakeReader& reader, abi::CardHandle handle);

// The functions, as in a library of PC/SC.
Library FakeTable();

}  // namespace pcsc_bridge::test
