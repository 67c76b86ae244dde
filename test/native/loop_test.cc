// The event loop that owns the core's state.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "answer.h"
#include "loop/loop.h"
#include "loop/scope.h"

#if defined(__linux__)
#include <sys/socket.h>
#include <unistd.h>
#endif

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using std::chrono::milliseconds;

TEST_SUITE("loop") {
  TEST_CASE("tasks run on the loop's thread, in the order in which they were posted") {
    const std::shared_ptr<Loop> loop = Loop::OfProcess();
    REQUIRE(loop);
    CHECK_FALSE(loop->OnThisThread());
    std::vector<int> order;
    Moment done;
    for (int i = 0; i < 100; ++i) loop->Post([&order, i] { order.push_back(i); });
    loop->Post([&] {
      CHECK(loop->OnThisThread());
      done.Come();
    });
    done.Wait();
    REQUIRE(order.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  }

  TEST_CASE("a task that a task posts runs after it, not within it") {
    const std::shared_ptr<Loop> loop = Loop::OfProcess();
    std::string order;
    Moment done;
    loop->Post([&] {
      loop->Post([&] {
        order += "inner ";
        done.Come();
      });
      order += "outer ";
    });
    done.Wait();
    CHECK(order == "outer inner ");
  }

  TEST_CASE("many threads may post at once") {
    const std::shared_ptr<Loop> loop = Loop::OfProcess();
    int count = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 1000; ++j) loop->Post([&] { ++count; });
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(loop->Sync([&] { return count; }) == 4000);
  }

  TEST_CASE("timers fire in the order of their times, and not after they were stopped") {
    const std::shared_ptr<Loop> loop = Loop::OfProcess();
    std::string order;
    Moment done;
    std::vector<Loop::Timer> timers;
    loop->Post([&] {
      timers.push_back(loop->After(milliseconds(30), [&] { done.Come(); }));
      timers.push_back(loop->After(milliseconds(20), [&] { order += "second "; }));
      timers.push_back(loop->After(milliseconds(10), [&] { order += "first "; }));
      Loop::Timer stopped = loop->After(milliseconds(5), [&] { order += "stopped "; });
    });
    done.Wait();
    CHECK(order == "first second ");
    CHECK(loop->Sync([&] {
      timers.clear();
      return true;
    }));
  }

  TEST_CASE("a driven loop runs the due tasks when it is driven, and accepts none once it has ended") {
    std::atomic<int> woken{0};
    const std::shared_ptr<Loop> loop = Loop::Create([&] { ++woken; });
    REQUIRE(loop);
    int ran = 0;
    std::thread([&] { loop->Post([&] { ++ran; }); }).join();
    CHECK(woken == 1);
    CHECK(ran == 0);
    loop->RunDue();
    CHECK(ran == 1);
    loop->Post([&] { ++ran; });
    loop->End();
    loop->Post([&] { ++ran; });
    loop->RunDue();
    CHECK(ran == 1);
  }

#if defined(__linux__)
  TEST_CASE("a descriptor's task runs while there is data to read, and not after it was removed") {
    const std::shared_ptr<Loop> loop = Loop::Create();
    REQUIRE(loop);
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    int times = 0;
    REQUIRE(loop->Add(ends[0], [&] { ++times; }));
    loop->RunDue();
    CHECK(times == 0);
    REQUIRE(write(ends[1], "x", 1) == 1);
    loop->RunDue();
    loop->RunDue();
    CHECK(times == 2);
    loop->WantWritable(ends[0], true);
    char byte = 0;
    REQUIRE(read(ends[0], &byte, 1) == 1);
    loop->RunDue();
    CHECK(times == 3);
    loop->Remove(ends[0]);
    loop->RunDue();
    CHECK(times == 3);
    close(ends[0]);
    close(ends[1]);
  }
#endif

  TEST_CASE("a scope ends its residents, once, and not those that left") {
    struct Guest : Resident {
      void OnScopeEnd() override { ++ended; }
      int ended = 0;
    };
    const auto scope = std::make_shared<Scope>(Loop::Create());
    Guest one;
    Guest two;
    Guest three;
    for (Guest* guest : {&one, &two, &three}) scope->Add(*guest);
    Scope::Remove(two);
    scope->End();
    scope->End();
    CHECK(one.ended == 1);
    CHECK(two.ended == 0);
    CHECK(three.ended == 1);
  }
}
