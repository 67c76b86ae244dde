// The worker threads of the library backend.
#include "loop/worker.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "answer.h"

namespace {

using pcsc_bridge::RefuseThreads;
using pcsc_bridge::RunOnWorker;
using pcsc_bridge::RunOnWorkerWhenPossible;
using pcsc_bridge::test::Eventually;
using pcsc_bridge::test::Moment;

std::thread::id ThreadOfOneTask() {
  std::thread::id thread;
  Moment done;
  CHECK(RunOnWorker([&] {
    thread = std::this_thread::get_id();
    done.Come();
  }));
  done.Wait();
  return thread;
}

TEST_CASE("a thread that has finished is used again") {
  // It counts as free only a moment after its task has reported its end.
  CHECK(Eventually([] { return ThreadOfOneTask() == ThreadOfOneTask(); }));
}

TEST_CASE("a stuck task blocks no other task") {
  Moment go;
  Moment gone;
  CHECK(RunOnWorker([&] {
    go.Wait();
    gone.Come();
  }));
  for (int i = 0; i < 10; ++i) (void)ThreadOfOneTask();
  go.Come();
  gone.Wait();
}

TEST_CASE("tasks in progress at the same time have a thread each") {
  constexpr int kTasks = 20;
  std::atomic<int> running{0};
  std::atomic<int> done{0};
  Moment go;
  for (int i = 0; i < kTasks; ++i) {
    CHECK(RunOnWorker([&] {
      ++running;
      go.Wait();
      ++done;
    }));
  }
  CHECK(Eventually([&] { return running == kTasks; }));
  go.Come();
  CHECK(Eventually([&] { return done == kTasks; }));
}

TEST_CASE("the objects of a task are destroyed with it, not with its thread") {
  auto held = std::make_shared<int>();
  Moment done;
  CHECK(RunOnWorker([held, &done] { done.Come(); }));
  done.Wait();
  CHECK(Eventually([&] { return held.use_count() == 1; }));
}

TEST_CASE("tasks posted from many threads at once all run, once") {
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int task = 0; task < 200; ++task) CHECK(RunOnWorker([&] { ++ran; }));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(Eventually([&] { return ran == 800; }));
}

TEST_CASE("a task that must not be dropped runs on the next thread that becomes free") {
  Moment go;
  Moment refused;
  Moment ran;
  CHECK(RunOnWorker([&] { go.Wait(); }));
  {
    const RefuseThreads none;
    CHECK_FALSE(RunOnWorker([&] { refused.Come(); }));
    RunOnWorkerWhenPossible([&] { ran.Come(); });
    go.Come();
    ran.Wait();
  }
  CHECK_FALSE(refused.come());
}

TEST_CASE("a task that must not be dropped runs at once if there is a free thread") {
  Moment ran;
  RunOnWorkerWhenPossible([&] { ran.Come(); });
  ran.Wait();
}

}  // namespace
