// Calls made when their time has come.
#include "loop/deadlines.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "answer.h"

namespace {

using pcsc_bridge::Deadlines;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
using namespace std::chrono_literals;

Deadlines& deadlines() {
  return Deadlines::OfProcess();
}

TEST_CASE("calls are made in the order of their times, none before its own") {
  const auto start = std::chrono::steady_clock::now();
  std::mutex mutex;
  std::vector<int> made;
  Moment last;
  const auto make = [&](int call, std::chrono::milliseconds time) {
    return deadlines().Add(time, [&, call, time] {
      CHECK(std::chrono::steady_clock::now() - start >= time);
      {
        const std::lock_guard<std::mutex> lock(mutex);
        made.push_back(call);
      }
      if (call == 3) last.Come();
    });
  };
  // The one that is waited for when the sooner ones are added.
  CHECK(make(3, 150ms));
  CHECK(make(2, 100ms));
  CHECK(make(1, 50ms));
  last.Wait();
  const std::lock_guard<std::mutex> lock(mutex);
  CHECK((made == std::vector<int>{1, 2, 3}));
}

TEST_CASE("a call that was removed is not made, and lets go of what it held") {
  const auto held = std::make_shared<std::atomic<int>>(0);
  const std::optional<Deadlines::Key> key = deadlines().Add(50ms, [held] { ++*held; });
  REQUIRE(key);
  CHECK(held.use_count() == 2);
  deadlines().Remove(*key);
  CHECK(held.use_count() == 1);
  Moment later;
  CHECK(deadlines().Add(100ms, [&] { later.Come(); }));
  later.Wait();
  CHECK(*held == 0);
  deadlines().Remove(*key);
}

TEST_CASE("a call may add the next, also when it was the last") {
  Moment second;
  CHECK(deadlines().Add(1ms, [&] { CHECK(deadlines().Add(1ms, [&] { second.Come(); })); }));
  second.Wait();
}

TEST_CASE("calls that are added and removed by many threads at once are made or removed") {
  std::atomic<int> made{0};
  std::atomic<int> added{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 500; ++i) {
        const auto key = deadlines().Add(std::chrono::milliseconds((i * 7 + thread) % 5), [&] { ++made; });
        CHECK(key);
        ++added;
        if (i % 2 == 0) deadlines().Remove(*key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Moment over;
  CHECK(deadlines().Add(50ms, [&] { over.Come(); }));
  over.Wait();
  CHECK(made >= added / 2);
  CHECK(made <= added);
}

}  // namespace
