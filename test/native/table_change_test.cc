// libpcsclite's tables are changed by one thread at a time.
#include "backend/library/table_change.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "answer.h"
#include "backend/library/client_calls.h"

namespace {

using namespace pcsc_bridge;
using test::Moment;

std::atomic<int> inside{0};
std::atomic<int> most_inside{0};
std::atomic<int> calls{0};

// Two threads in here at once crash the real library.
abi::Long InTheTables() {
  const int now = ++inside;
  int most = most_inside;
  while (now > most && !most_inside.compare_exchange_weak(most, now)) {
  }
  ++calls;
  std::this_thread::sleep_for(std::chrono::microseconds(20));
  --inside;
  return 0;
}

Library Counting() {
  Library library;
  library.unguarded_tables = true;
  library.establish_context = [](abi::Dword, const void*, const void*, abi::ContextHandle* handle) {
    *handle = 1;
    return InTheTables();
  };
  library.release_context = [](abi::ContextHandle) { return InTheTables(); };
  library.connect = [](abi::ContextHandle, const abi::Char*, abi::Dword, abi::Dword, abi::CardHandle* handle,
                       abi::Dword* protocol) {
    *handle = 1;
    *protocol = 1;
    return abi::Long{0};
  };
  library.disconnect = [](abi::CardHandle, abi::Dword) { return InTheTables(); };
  return library;
}

TEST_CASE("contexts and handles are created and released one at a time, on any number of threads") {
  const Library library = Counting();
  inside = most_inside = calls = 0;
  constexpr int kThreads = 8;
  constexpr int kRounds = 100;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&library, i] {
      for (int round = 0; round < kRounds; ++round) {
        backend::ClientCalls client(library);
        REQUIRE(client.Make(backend::Connect{"reader", ShareMode::kShared, kT0}));
        // Explicitly, and by its destructor.
        if (i % 2 == 0) (void)client.Make(backend::Disconnect{Disposition::kLeave, nullptr});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(calls == 3 * kThreads * kRounds);
  CHECK(most_inside == 1);
}

TEST_CASE("a stuck call does not block others permanently") {
  const Library library = Counting();
  Moment stuck;
  Moment go;
  std::thread first([&] {
    const TableChange change(library);
    stuck.Come();
    go.Wait();
  });
  stuck.Wait();
  { const TableChange second(library); }
  go.Come();
  first.join();
  // And it is free afterwards, whichever call ran meanwhile.
  inside = most_inside = calls = 0;
  std::thread other([&library] { (void)Context::Establish(library); });
  other.join();
  CHECK(calls == 2);
}

}  // namespace
