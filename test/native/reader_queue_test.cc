// The order of service at a reader inside the process.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "answer.h"
#include "card/reader_queue.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;

namespace {

// A waiter for the turn that keeps it until the test passes it on.
struct Visitor {
  Visitor(ReaderQueue& queue, const std::shared_ptr<Loop>& loop, std::string& order, char name) {
    turn = queue.Take(
        "A", loop,
        [this, &order, name](ReaderQueue::Turn got) {
          order += name;
          turn = std::move(got);
        },
        place);
    if (turn) order += name;
  }
  ReaderQueue::Turn turn;
  ReaderQueue::Place place;
};

TEST_SUITE("reader queue") {
  TEST_CASE("turns pass in order of arrival, and never within the call that passes them on") {
    ReaderQueue queue;
    const std::shared_ptr<Loop> loop = Loop::Create();
    std::string order;
    Visitor one(queue, loop, order, '1');
    Visitor two(queue, loop, order, '2');
    Visitor three(queue, loop, order, '3');
    CHECK(order == "1");
    CHECK(queue.Waiting("A") == 2);
    one.turn.Leave();
    CHECK(order == "1");
    CHECK(queue.IsTaken("A"));
    loop->RunDue();
    CHECK(order == "12");
    two.turn.Leave();
    loop->RunDue();
    three.turn.Leave();
    loop->RunDue();
    CHECK(order == "123");
    CHECK_FALSE(queue.IsTaken("A"));
  }

  TEST_CASE("the queues of readers are independent") {
    ReaderQueue queue;
    const std::shared_ptr<Loop> loop = Loop::Create();
    ReaderQueue::Place place;
    const ReaderQueue::Turn a = queue.Take("A", loop, nullptr, place);
    const ReaderQueue::Turn b = queue.Take("B", loop, nullptr, place);
    CHECK(a);
    CHECK(b);
    CHECK_FALSE(place);
  }

  TEST_CASE("an abandoned place is skipped") {
    ReaderQueue queue;
    const std::shared_ptr<Loop> loop = Loop::Create();
    std::string order;
    Visitor one(queue, loop, order, '1');
    Visitor two(queue, loop, order, '2');
    Visitor three(queue, loop, order, '3');
    two.place.Leave();
    CHECK(queue.Waiting("A") == 1);
    one.turn.Leave();
    loop->RunDue();
    CHECK(order == "13");
  }

  TEST_CASE("a turn on its way to an abandoned place is passed on") {
    ReaderQueue queue;
    const std::shared_ptr<Loop> loop = Loop::Create();
    std::string order;
    Visitor one(queue, loop, order, '1');
    Visitor two(queue, loop, order, '2');
    SUBCASE("to the next in the queue") {
      Visitor three(queue, loop, order, '3');
      one.turn.Leave();
      two.place.Leave();
      loop->RunDue();
      CHECK(order == "13");
    }
    SUBCASE("and the reader is free if the queue is empty") {
      one.turn.Leave();
      two.place.Leave();
      loop->RunDue();
      CHECK(order == "1");
      CHECK_FALSE(queue.IsTaken("A"));
    }
  }

  TEST_CASE("a loop that has ended passes its turns on") {
    ReaderQueue queue;
    const std::shared_ptr<Loop> loop = Loop::Create();
    const std::shared_ptr<Loop> ending = Loop::Create();
    std::string order;
    Visitor one(queue, loop, order, '1');
    Visitor two(queue, ending, order, '2');
    Visitor three(queue, loop, order, '3');
    SUBCASE("if it ended before the turn came") {
      ending->End();
      one.turn.Leave();
    }
    SUBCASE("if it ends while the turn is on its way") {
      one.turn.Leave();
      ending->End();
    }
    loop->RunDue();
    CHECK(order == "13");
  }

  TEST_CASE("a turn may be passed on within the call that delivers it") {
    ReaderQueue queue;
    const std::shared_ptr<Loop> loop = Loop::Create();
    std::string order;
    Visitor one(queue, loop, order, '1');
    std::vector<ReaderQueue::Place> places(1000);
    int came = 0;
    for (ReaderQueue::Place& place : places) {
      CHECK_FALSE(queue.Take(
          "A", loop, [&came](const ReaderQueue::Turn&) { ++came; }, place));
    }
    one.turn.Leave();
    loop->RunDue();
    CHECK(came == 1000);
    CHECK_FALSE(queue.IsTaken("A"));
  }

  TEST_CASE("loops on several threads share a reader: one has the turn at a time, and each gets it") {
    constexpr int kThreads = 4;
    constexpr int kRounds = 500;
    ReaderQueue queue;
    std::atomic<int> inside{0};
    std::atomic<int> turns{0};
    std::atomic<int> given_up{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const std::shared_ptr<Loop> loop = Loop::Create();
        for (int round = 0; round < kRounds; ++round) {
          bool over = false;
          const auto use = [&](ReaderQueue::Turn turn) {
            CHECK(turn);
            CHECK(inside.fetch_add(1) == 0);
            CHECK(inside.fetch_sub(1) == 1);
            ++turns;
            over = true;
            turn.Leave();
          };
          ReaderQueue::Place place;
          ReaderQueue::Turn turn = queue.Take("A", loop, use, place);
          if (turn) {
            use(std::move(turn));
          } else if (round % 7 == t) {
            place.Leave();
            ++given_up;
            over = true;
          }
          while (!over) {
            loop->RunDue();
            std::this_thread::yield();
          }
        }
        loop->End();
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(turns + given_up == kThreads * kRounds);
    CHECK_FALSE(queue.IsTaken("A"));
  }
}

}  // namespace
