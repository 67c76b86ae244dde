// The order of service inside the process.
#include "channel/reader_gate.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "answer.h"

namespace {

using pcsc_bridge::Connection;
using pcsc_bridge::Operation;
using pcsc_bridge::ReaderGate;
using pcsc_bridge::test::Moment;

// An operation with nothing to do but to stand in line.
class Standing final : public Operation {
 public:
  static std::shared_ptr<Standing> Make() {
    auto operation = std::make_shared<Standing>();
    operation->Start();
    return operation;
  }

 private:
  bool DoWork(Connection&) override { return false; }
  void GiveAnswer() override {}
  void DropWork() override {}
  void AnswerError(pcsc_bridge::Error) override {}
};

std::optional<ReaderGate::Turn> Enter(ReaderGate& gate, const char* reader, Operation& operation,
                                      bool* waited = nullptr) {
  ReaderGate::Place place = gate.TakePlace(reader, operation);
  if (waited != nullptr) *waited = place.waited();
  return place.Wait(operation);
}

bool InLine(ReaderGate& gate, std::size_t count) {
  return pcsc_bridge::test::Eventually([&] { return gate.Waiting("A") == count; });
}

// A thread that enters, tells of it, and stays until it is let go.
class Visitor {
 public:
  Visitor(ReaderGate& gate, const char* reader)
      : thread_([this, &gate, reader] {
          turn_ = Enter(gate, reader, *operation_, &waited_);
          done_.Come();
          go_.Wait();
          turn_.reset();
        }) {}
  ~Visitor() {
    Leave();
    thread_.join();
  }
  void Leave() { go_.Come(); }
  void Cancel() { operation_->Cancel(); }
  bool WaitInside() { return done_.WaitFor(pcsc_bridge::test::kPatience) && turn_.has_value(); }
  void WaitDone() { done_.Wait(); }
  bool has_turn() { return turn_.has_value(); }
  bool waited() { return waited_; }

 private:
  std::shared_ptr<Standing> operation_ = Standing::Make();
  std::optional<ReaderGate::Turn> turn_;
  bool waited_ = false;
  Moment done_;
  Moment go_;
  std::thread thread_;
};

TEST_CASE("the turn on a free reader is had at once, and readers do not know of each other") {
  ReaderGate gate;
  Visitor first(gate, "A");
  Visitor other(gate, "B");
  CHECK(first.WaitInside());
  CHECK(other.WaitInside());
  CHECK_FALSE(first.waited());
}

TEST_CASE("the turn passes in the order of arrival") {
  ReaderGate gate;
  std::vector<std::unique_ptr<Visitor>> visitors;
  for (std::size_t i = 0; i < 8; ++i) {
    visitors.push_back(std::make_unique<Visitor>(gate, "A"));
    if (i == 0) {
      CHECK(visitors[0]->WaitInside());
    } else {
      REQUIRE(InLine(gate, i));
    }
  }
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(visitors[i]->WaitInside());
    CHECK(visitors[i]->waited() == (i > 0));
    CHECK(gate.Waiting("A") == 7 - i);
    visitors[i]->Leave();
  }
}

TEST_CASE("who gives up in line is passed over") {
  ReaderGate gate;
  Visitor first(gate, "A");
  CHECK(first.WaitInside());
  Visitor second(gate, "A");
  REQUIRE(InLine(gate, 1));
  Visitor third(gate, "A");
  REQUIRE(InLine(gate, 2));
  second.Cancel();
  second.WaitDone();
  CHECK_FALSE(second.has_turn());
  CHECK(gate.Waiting("A") == 1);
  first.Leave();
  CHECK(third.WaitInside());
}

TEST_CASE("a turn that is dropped passes on, however it goes") {
  ReaderGate gate;
  {
    const auto first = Standing::Make();
    std::optional<ReaderGate::Turn> turn = Enter(gate, "A", *first);
    REQUIRE(turn.has_value());
    Visitor second(gate, "A");
    REQUIRE(InLine(gate, 1));
    *turn = *Enter(gate, "B", *first);
    CHECK(second.WaitInside());
  }
  Visitor last(gate, "B");
  CHECK(last.WaitInside());
  CHECK_FALSE(last.waited());
}

TEST_CASE("the turn is never lost and never had by two, with many threads that give up at any moment") {
  constexpr int kThreads = 8;
  constexpr int kRounds = 400;
  ReaderGate gate;
  std::atomic<int> inside{0};
  std::atomic<int> turns{0};
  std::atomic<int> given_up{0};
  // Each thread's operation, where the cancelling thread finds it.
  std::mutex mutex;
  std::vector<std::shared_ptr<Standing>> operations(kThreads);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const auto operation = Standing::Make();
        {
          const std::lock_guard<std::mutex> lock(mutex);
          operations[i] = operation;
        }
        const std::optional<ReaderGate::Turn> turn = Enter(gate, "A", *operation);
        if (!turn) {
          ++given_up;
          continue;
        }
        CHECK(++inside == 1);
        std::this_thread::yield();
        --inside;
        ++turns;
      }
    });
  }
  std::thread canceller([&] {
    for (std::size_t next = 0; !over; next = (next + 3) % kThreads) {
      std::shared_ptr<Standing> victim;
      {
        const std::lock_guard<std::mutex> lock(mutex);
        victim = operations[next];
      }
      if (victim) victim->Cancel();
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  over = true;
  canceller.join();
  CHECK(turns + given_up == kThreads * kRounds);
  CHECK(turns > 0);
  CHECK(given_up > 0);
  CHECK(gate.Waiting("A") == 0);
  const auto last = Standing::Make();
  bool waited = true;
  CHECK(Enter(gate, "A", *last, &waited).has_value());
  CHECK_FALSE(waited);
}

}  // namespace
