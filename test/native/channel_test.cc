// Operations on a channel: their order, their one answer, and what becomes of them when they are cancelled.
#include "channel/channel.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "channel_fixture.h"

namespace {

using pcsc_bridge::BeginOutcome;
using pcsc_bridge::Bytes;
using pcsc_bridge::Connection;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Error;
using pcsc_bridge::Operation;
using pcsc_bridge::Protocols;
using pcsc_bridge::Result;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

struct WithCard {
  WithCard() { library.AddReader("R"); }
  FakeLibrary library;
};

TEST_CASE_FIXTURE(WithCard, "operations are done in order, on one thread that is not the asker's") {
  TestChannel channel(library);
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  for (int i = 0; i < 20; ++i) {
    (void)channel.Submit<Done>([&, i](Connection&, Operation&) -> Result<Done> {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
      return Done{};
    });
  }
  CHECK(channel.Connect().Wait().ok());
  REQUIRE(order.size() == 20);
  for (int i = 0; i < 20; ++i) {
    CHECK(order[i] == i);
    CHECK((threads[i] == threads[0]));
    CHECK((threads[i] != std::this_thread::get_id()));
  }
}

TEST_CASE_FIXTURE(WithCard,
                  "a card is connected, used in a transaction, and disconnected when the channel closes") {
  Moment closed;
  {
    TestChannel channel(library);
    CHECK(channel.Connect().Wait().value() == pcsc_bridge::kT1);
    CHECK(channel.Begin().Wait().ok());
    CHECK(channel.Transmit(kAsk).Wait().value() == kNotVerified);
    CHECK(channel.End().Wait().ok());
    channel->Close(Disposition::kLeave, [&] { closed.Come(); });
    closed.Wait();
  }
  CHECK(library.contexts() == 0);
  CHECK(library.log() == "connect R, begin, transmit, end leave, disconnect leave");
}

TEST_CASE_FIXTURE(WithCard, "a queued operation that is cancelled is answered at once and never runs") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  library.Stick(Call::kTransmit);
  Asked<Bytes> running = channel.Transmit(kAsk);
  library.WaitForStuck(Call::kTransmit);
  bool ran = false;
  Asked<Done> queued = channel.Submit<Done>([&](Connection&, Operation&) -> Result<Done> {
    ran = true;
    return Done{};
  });
  queued.Cancel();
  CHECK(queued.Wait().code() == status::kCancelled);
  CHECK_FALSE(channel->ended());
  library.Unstick(Call::kTransmit);
  CHECK(running.Wait().ok());
  CHECK(channel.Status().Wait().ok());
  CHECK_FALSE(ran);
}

TEST_CASE_FIXTURE(WithCard, "what a cancelled operation carries goes at once, not when its turn comes") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  library.Stick(Call::kTransmit);
  Asked<Bytes> running = channel.Transmit(kAsk);
  library.WaitForStuck(Call::kTransmit);
  auto secret = std::make_shared<int>();
  Asked<Done> queued =
      channel.Submit<Done>([secret](Connection&, Operation&) -> Result<Done> { return Done{}; });
  CHECK(secret.use_count() > 1);
  queued.Cancel();
  CHECK(secret.use_count() == 1);
  library.Unstick(Call::kTransmit);
  CHECK(running.Wait().ok());
}

TEST_CASE_FIXTURE(WithCard, "an operation that waits ends at once when cancelled, and the channel goes on") {
  TestChannel channel(library);
  Moment waiting;
  Asked<Done> asked = channel.Submit<Done>([&](Connection&, Operation& operation) -> Result<Done> {
    waiting.Come();
    if (!operation.WaitUntil([] { return false; })) return Operation::CancelledError();
    return Done{};
  });
  waiting.Wait();
  // Before or in the wait: the answer is the same.
  asked.Cancel();
  CHECK(asked.Wait().code() == status::kCancelled);
}

TEST_CASE_FIXTURE(WithCard,
                  "a call that is stuck is answered at once when cancelled, and its channel abandoned") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  library.Stick(Call::kTransmit);
  Asked<Bytes> stuck = channel.Transmit(kAsk);
  library.WaitForStuck(Call::kTransmit);
  Asked<Bytes> queued = channel.Transmit(kAsk);
  stuck.Cancel();
  CHECK(stuck.Wait().code() == status::kCancelled);
  CHECK(queued.Wait().code() == status::kAbandoned);
  CHECK(channel->abandoned());
  CHECK(channel.Status().Wait().code() == status::kAbandoned);
  Moment closed;
  channel->Close(Disposition::kReset, [&] { closed.Come(); });
  CHECK(closed.come());
  CHECK(library.contexts() == 1);
  library.Unstick(Call::kTransmit);
  library.WaitForNoContext();
  CHECK(library.log() == "connect R, transmit, disconnect leave");
}

TEST_CASE_FIXTURE(WithCard, "a connection that comes too late is disconnected, leaving the card") {
  TestChannel channel(library);
  library.Stick(Call::kConnect);
  Asked<Protocols> stuck = channel.Connect();
  library.WaitForStuck(Call::kConnect);
  stuck.Cancel();
  CHECK(stuck.Wait().code() == status::kCancelled);
  library.Unstick(Call::kConnect);
  library.WaitForNoContext();
  CHECK(library.log() == "connect R, disconnect leave");
}

TEST_CASE_FIXTURE(WithCard, "a transaction that comes too late is ended, leaving the card") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  library.Stick(Call::kBegin);
  Asked<BeginOutcome> stuck = channel.Begin();
  library.WaitForStuck(Call::kBegin);
  stuck.Cancel();
  CHECK(stuck.Wait().code() == status::kCancelled);
  library.Unstick(Call::kBegin);
  library.WaitForNoContext();
  CHECK(library.log() == "connect R, begin, end leave, disconnect leave");
}

TEST_CASE_FIXTURE(WithCard,
                  "a transaction in which something was sent is ended with a reset when abandoned") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  CHECK(channel.Begin().Wait().ok());
  library.Stick(Call::kTransmit);
  Asked<Bytes> stuck = channel.Transmit(kVerify);
  library.WaitForStuck(Call::kTransmit);
  stuck.Cancel();
  library.Unstick(Call::kTransmit);
  library.WaitForNoContext();
  CHECK(library.log() == "connect R, begin, transmit, end reset, disconnect leave");
  CHECK_FALSE(library.pin_verified("R"));
}

TEST_CASE_FIXTURE(WithCard, "an abandoned channel makes no further call but those that undo") {
  TestChannel channel(library);
  library.Stick(Call::kEstablish);
  Asked<Protocols> stuck = channel.Connect();
  library.WaitForStuck(Call::kEstablish);
  stuck.Cancel();
  library.Unstick(Call::kEstablish);
  library.WaitForCount(Call::kRelease, 1);
  library.WaitForNoContext();
  CHECK(library.count(Call::kConnect) == 0);
}

TEST_CASE_FIXTURE(WithCard, "an abandoned channel does not keep the others of the process from the reader") {
  TestChannel abandoned(library);
  TestChannel other(library);
  CHECK(abandoned.Connect().Wait().ok());
  CHECK(other.Connect().Wait().ok());
  library.Stick(Call::kStatus);
  auto stuck = abandoned.Status();
  library.WaitForStuck(Call::kStatus);
  Asked<BeginOutcome> next = other.Begin();
  stuck.Cancel();
  CHECK(next.Wait().ok());
  library.Unstick(Call::kStatus);
}

TEST_CASE_FIXTURE(WithCard, "cancelling after the answer has no effect") {
  TestChannel channel(library);
  Asked<Protocols> connected = channel.Connect();
  CHECK(connected.Wait().ok());
  connected.Cancel();
  CHECK_FALSE(channel->ended());
  CHECK(channel.Status().Wait().ok());
}

TEST_CASE_FIXTURE(WithCard, "an answer may be the last to hold what closes its own channel") {
  struct Closer {
    Closer(std::shared_ptr<pcsc_bridge::Channel> c, Moment& m) : channel(std::move(c)), closed(m) {}
    ~Closer() {
      channel->Close(Disposition::kLeave, [&moment = closed] { moment.Come(); });
    }
    std::shared_ptr<pcsc_bridge::Channel> channel;
    Moment& closed;
  };
  Moment closed;
  Moment left;
  Moment answered;
  {
    const auto channel = pcsc_bridge::Channel::Create(library.table());
    // As a lookup's answer holds the cached card, and that its channel.
    const auto closer = std::make_shared<Closer>(channel, closed);
    channel->Submit<Done>([](Connection&, Operation&) -> Result<Done> { return Done{}; },
                          [closer, &left, &answered](const Result<Done>&) {
                            left.Wait();
                            answered.Come();
                          });
  }
  left.Come();
  answered.Wait();
  closed.Wait();
}

TEST_CASE_FIXTURE(WithCard, "however cancel and work meet, there is one answer and nothing stays open") {
  for (int round = 0; round < 300; ++round) {
    TestChannel channel(library);
    Asked<Protocols> connected = channel.Connect();
    Asked<BeginOutcome> begun = channel.Begin();
    Asked<Bytes> sent = channel.Transmit(kVerify);
    Asked<Done> ended = channel.End();
    std::thread canceller([&, round] {
      for (int spin = 0; spin < round * 20; ++spin) std::this_thread::yield();
      begun.Cancel();
      sent.Cancel();
    });
    (void)connected.Wait();
    (void)begun.Wait();
    (void)sent.Wait();
    (void)ended.Wait();
    canceller.join();
    const bool usable = !channel->ended();
    CHECK(channel.Status().Wait().code() == (usable ? status::kSuccess : status::kAbandoned));
  }
}

}  // namespace
