// Transmits, cancels and closes at once, from several threads.
#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "direct_fixture.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Result;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;

// One asker: a channel after the other, each used until it ends.
class Asker {
 public:
  Asker(FakeLibrary& library, unsigned seed) : library_(library), random_(seed) {}

  void Run(std::chrono::steady_clock::time_point end) {
    while (std::chrono::steady_clock::now() < end) UseChannel(end);
  }
  int answered() const { return answered_; }
  int direct() const { return direct_; }

 private:
  void UseChannel(std::chrono::steady_clock::time_point end) {
    TestChannel channel(library_);
    if (!channel.Connect().Wait().ok()) {
      CHECK(false);
      return;
    }
    const Watch watch(*channel.channel());
    const bool transacted = random_() % 2 == 0;
    if (transacted) CHECK(channel.Begin().Wait().ok());
    while (!channel->ended() && std::chrono::steady_clock::now() < end) {
      Transmit(channel, watch);
      if (random_() % 8 == 0) (void)channel.Submit<Done>([](auto&, auto&) { return Done{}; });
    }
    channel->Close(random_() % 2 == 0 ? Disposition::kReset : Disposition::kLeave);
  }

  void Transmit(TestChannel& channel, const Watch& watch) {
    const Bytes apdu{static_cast<std::uint8_t>(random_()), static_cast<std::uint8_t>(random_()),
                     static_cast<std::uint8_t>(random_())};
    Sent sent = Send(*channel.channel(), apdu);
    if (sent.direct) ++direct_;
    std::thread another;
    const unsigned fate = random_() % 16;
    const unsigned spins = random_() % 200;
    const auto after_a_while = [spins](auto action) {
      return std::thread([spins, action]() mutable {
        for (unsigned spin = 0; spin < spins; ++spin) std::this_thread::yield();
        action();
      });
    };
    if (fate == 0) another = after_a_while([&] { sent.Cancel(); });
    if (fate == 1) another = after_a_while([&] { channel->Close(Disposition::kReset); });
    if (fate == 2) sent.Cancel();
    if (fate == 3) channel->Close(Disposition::kLeave);
    const bool may_fail = fate <= 3;
    while (!sent.given() && channel->Continue()) (void)watch.Readable(std::chrono::milliseconds(1));
    const Result<Bytes> result = sent.Wait();
    if (another.joinable()) another.join();
    ++answered_;
    if (result.ok()) {
      CHECK((result.value() == Ok(apdu)));
    } else {
      CHECK(may_fail);
      CHECK(result.code() == status::kCancelled);
    }
  }

  FakeLibrary& library_;
  std::mt19937 random_;
  int answered_ = 0;
  int direct_ = 0;
};

TEST_CASE_FIXTURE(
    WithDaemon, "however transmits, cancels and closes meet, each is answered once, with its own response") {
  unsigned asked = 0;
  std::set<std::int32_t> in_transaction;
  daemon.On(Command::kBeginTransaction, [&](const Question& question) {
    in_transaction.insert(question.As<pcsc_bridge::daemon::Plain>().card);
    return FakeDaemon::Reply{question.message};
  });
  daemon.On(Command::kTransmit, [&](const Question& question) {
    auto message = question.As<pcsc_bridge::daemon::Transmit>();
    if (++asked % 5 == 0 && in_transaction.count(message.card) == 0) {
      message.code = status::kSharingViolation;
      return ReplyOf(message);
    }
    FakeDaemon::Reply reply = Response(question, Ok(question.data));
    if (asked % 7 == 0) reply.piece = 10;
    return reply;
  });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::vector<Asker> askers;
  for (unsigned seed = 1; seed <= 4; ++seed) askers.emplace_back(library, seed);
  std::vector<std::thread> threads;
  for (Asker& asker : askers) threads.emplace_back([&asker, end] { asker.Run(end); });
  for (std::thread& thread : threads) thread.join();
  for (const Asker& asker : askers) {
    CHECK(asker.answered() > 0);
    CHECK(asker.direct() > 0);
  }
  daemon.WaitForNoLink();
}

}  // namespace
