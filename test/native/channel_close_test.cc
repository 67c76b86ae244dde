// The two ends of a channel, at every moment.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "channel_fixture.h"

namespace {

using pcsc_bridge::BeginOutcome;
using pcsc_bridge::Bytes;
using pcsc_bridge::Channel;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Protocols;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

struct WithCard {
  WithCard() { library.AddReader("R"); }
  FakeLibrary library;
};

TEST_CASE_FIXTURE(WithCard, "a channel that never did anything closes at once") {
  TestChannel channel(library);
  Moment closed;
  channel->Close(Disposition::kReset, [&] { closed.Come(); });
  CHECK(closed.come());
  CHECK(channel.Connect().Wait().code() == status::kClosed);
  CHECK(library.count(Call::kEstablish) == 0);
}

TEST_CASE_FIXTURE(WithCard, "closing with a reset resets the card") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  CHECK(channel.Transmit(kVerify).Wait().ok());
  Moment closed;
  channel->Close(Disposition::kReset, [&] { closed.Come(); });
  closed.Wait();
  CHECK(library.contexts() == 0);
  CHECK_FALSE(library.pin_verified("R"));
  CHECK(library.last_calls(1) == "disconnect reset");
}

TEST_CASE_FIXTURE(WithCard, "closing with a reset waits for nobody; the reset comes when the card is free") {
  TestChannel holder(library);
  TestChannel closing(library);
  CHECK(holder.Connect().Wait().ok());
  CHECK(closing.Connect().Wait().ok());
  Moment closed;
  SUBCASE("held in this process") {
    CHECK(holder.Begin().Wait().ok());
    closing->Close(Disposition::kReset, [&] { closed.Come(); });
    closed.Wait();
    CHECK(holder.Transmit(kVerify).Wait().ok());
    CHECK(holder.Transmit(kAsk).Wait().value() == kVerified);
    CHECK(holder.End().Wait().ok());
  }
  SUBCASE("held by another process") {
    library.Hold("R");
    closing->Close(Disposition::kReset, [&] { closed.Come(); });
    closed.Wait();
    CHECK(library.count(Call::kDisconnect) == 0);
    library.Free("R");
  }
  library.WaitForCount(Call::kRelease, 1);
  CHECK(library.last_calls(1) == "disconnect reset");
  CHECK_FALSE(library.pin_verified("R"));
}

TEST_CASE_FIXTURE(WithCard,
                  "closing with a reset does not wait for who takes the card that was just seen free") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  CHECK(channel.Transmit(kVerify).Wait().ok());
  library.Stick(Call::kDisconnect);
  const auto closed = std::make_shared<Moment>();
  const auto again = std::make_shared<Moment>();
  channel->Close(Disposition::kReset, [closed] { closed->Come(); });
  library.WaitForStuck(Call::kDisconnect);
  library.Hold("R");
  library.Unstick(Call::kDisconnect);
  CHECK(closed->WaitFor(std::chrono::seconds(10)));
  CHECK(library.last_calls(1) != "disconnect reset");
  channel->Close(Disposition::kReset, [again] { again->Come(); });
  CHECK(again->come());
  library.Free("R");
  library.WaitForNoContext();
  CHECK(library.last_calls(1) == "disconnect reset");
  CHECK_FALSE(library.pin_verified("R"));
}

TEST_CASE_FIXTURE(WithCard, "closing does not wait for a service that hangs; the card is let go later") {
  Call hanging{};
  SUBCASE("before the disconnect") {
    hanging = Call::kDisconnect;
  }
  SUBCASE("before the release") {
    hanging = Call::kRelease;
  }
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  library.Stick(hanging);
  const auto closed = std::make_shared<Moment>();
  const auto again = std::make_shared<Moment>();
  channel->Close(Disposition::kLeave, [closed] { closed->Come(); });
  CHECK(closed->WaitFor(std::chrono::seconds(10)));
  CHECK(library.contexts() == 1);
  channel->Close(Disposition::kLeave, [again] { again->Come(); });
  CHECK(again->come());
  library.Unstick(hanging);
  library.WaitForNoContext();
  CHECK(library.last_calls(1) == "disconnect leave");
}

TEST_CASE_FIXTURE(WithCard, "closing ends an open transaction: with a reset when the card was used in it") {
  for (const bool used : {false, true}) {
    CAPTURE(used);
    TestChannel channel(library);
    CHECK(channel.Connect().Wait().ok());
    CHECK(channel.Begin().Wait().ok());
    if (used) CHECK(channel.Transmit(kVerify).Wait().ok());
    Moment closed;
    channel->Close(Disposition::kLeave, [&] { closed.Come(); });
    closed.Wait();
    CHECK(library.last_calls(2) == (used ? "end reset, disconnect leave" : "end leave, disconnect leave"));
  }
}

TEST_CASE_FIXTURE(WithCard, "closing cancels what waits and what is queued") {
  TestChannel holder(library);
  TestChannel closing(library);
  CHECK(holder.Connect().Wait().ok());
  CHECK(closing.Connect().Wait().ok());
  CHECK(holder.Begin().Wait().ok());
  Asked<BeginOutcome> waiting = closing.Begin();
  Asked<Bytes> queued = closing.Transmit(kAsk);
  Moment closed;
  closing->Close(Disposition::kLeave, [&] { closed.Come(); });
  CHECK(waiting.Wait().code() == status::kCancelled);
  CHECK(queued.Wait().code() == status::kCancelled);
  closed.Wait();
  CHECK(holder.End().Wait().ok());
}

TEST_CASE_FIXTURE(WithCard,
                  "closing while a call is stuck is told at once; the channel undoes itself later") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  library.Stick(Call::kBegin);
  Asked<BeginOutcome> stuck = channel.Begin();
  library.WaitForStuck(Call::kBegin);
  Moment closed;
  channel->Close(Disposition::kReset, [&] { closed.Come(); });
  CHECK(closed.come());
  CHECK(stuck.Wait().code() == status::kCancelled);
  CHECK(library.handles() == 1);
  library.Unstick(Call::kBegin);
  library.WaitForNoContext();
  CHECK(library.log() == "connect R, begin, end leave, disconnect leave");
}

TEST_CASE_FIXTURE(WithCard, "everybody who closes a channel is told when it has gone") {
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().ok());
  Moment first;
  Moment second;
  channel->Close(Disposition::kLeave, [&] { first.Come(); });
  channel->Close(Disposition::kReset, [&] { second.Come(); });
  first.Wait();
  second.Wait();
  CHECK(library.contexts() == 0);
  CHECK(library.last_calls(1) == "disconnect leave");
}

TEST_CASE_FIXTURE(WithCard, "a channel can be closed by an answer of its own") {
  const auto channel = Channel::Create(library.table());
  Moment closed;
  channel->Submit<Done>([](auto&, auto&) -> pcsc_bridge::Result<Done> { return Done{}; },
                        [&](const auto&) { channel->Close(Disposition::kLeave, [&] { closed.Come(); }); });
  closed.Wait();
}

TEST_CASE_FIXTURE(WithCard,
                  "however close, cancel and work meet, everything is answered and nothing stays open") {
  for (int round = 0; round < 200; ++round) {
    TestChannel channel(library);
    std::vector<Asked<Bytes>> asked;
    Asked<Protocols> connected = channel.Connect();
    Asked<BeginOutcome> begun = channel.Begin();
    for (int i = 0; i < 4; ++i) asked.push_back(channel.Transmit(kAsk));
    // The last close may be told before the first: this one's telling outlives the round.
    const auto closed = std::make_shared<std::atomic<int>>(0);
    std::thread closer([&] {
      for (int spin = 0; spin < round * 10; ++spin) std::this_thread::yield();
      channel->Close(Disposition::kReset, [closed] { ++*closed; });
    });
    std::thread canceller([&] {
      for (int spin = 0; spin < round * 10; ++spin) std::this_thread::yield();
      for (Asked<Bytes>& each : asked) each.Cancel();
    });
    (void)connected.Wait();
    (void)begun.Wait();
    for (Asked<Bytes>& each : asked) (void)each.Wait();
    closer.join();
    canceller.join();
    Moment gone;
    channel->Close(Disposition::kLeave, [&] { gone.Come(); });
    gone.Wait();
    library.WaitForNoContext();
    CHECK(Eventually([&] { return *closed == 1; }));
  }
}

}  // namespace
