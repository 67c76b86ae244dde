// Transmits under way without the owner thread that are given up, closed over, or lose their daemon.
#include <doctest/doctest.h>

#include <memory>

#include "direct_fixture.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Channel;
using pcsc_bridge::Disposition;
using pcsc_bridge::ReaderGate;
using pcsc_bridge::SecretBytes;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

// A transmit without the owner thread, outside or in a transaction, whose response the daemon holds back.
struct UnderWay : Connected {
  void Begin() {
    SUBCASE("outside a transaction") {}
    SUBCASE("in a transaction") {
      in_transaction = true;
      CHECK(channel.Begin().Wait().ok());
    }
    daemon.Forget();
    sent = SendHeld(kFirst);
    queued = channel.Transmit(kSecond);
  }
  // The response comes, and nobody wants it any more.
  void CheckUndone() {
    CHECK_FALSE(channel->Continue());
    daemon.LetGo(Command::kTransmit);
    daemon.WaitForNoLink();
    CHECK_FALSE(channel->Continue());
    CHECK(daemon.log() == (in_transaction ? "transmit 01, end reset, disconnect leave, release"
                                          : "transmit 01, disconnect leave, release"));
  }
  bool in_transaction = false;
  Sent sent;
  Asked<Bytes> queued;
};

TEST_CASE_FIXTURE(
    UnderWay, "a transmit cancelled under way is answered at once, and the owner thread undoes the rest") {
  Begin();
  sent.Cancel();
  REQUIRE(sent.given());
  CHECK(sent.Wait().code() == status::kCancelled);
  CHECK(queued.Wait().code() == status::kAbandoned);
  CHECK(channel->abandoned());
  CHECK_FALSE(Watch(*channel.channel()).valid());
  CHECK(Send(kThird).Wait().code() == status::kAbandoned);
  CHECK_FALSE(ReaderGate::OfProcess().IsTaken("R"));
  CheckUndone();
}

TEST_CASE_FIXTURE(UnderWay,
                  "closing while a transmit is under way is told at once, and undone like a cancel") {
  Begin();
  Moment closed;
  channel->Close(Disposition::kLeave, [&] { closed.Come(); });
  CHECK(closed.come());
  REQUIRE(sent.given());
  CHECK(sent.Wait().code() == status::kCancelled);
  CHECK(queued.Wait().code() == status::kCancelled);
  CheckUndone();
}

TEST_CASE_FIXTURE(WithDaemon,
                  "closing with a reset while a transmit is under way ends the same way each time") {
  // Whichever of the two threads comes first.
  for (int round = 0; round < 200; ++round) {
    daemon.LetGo(Command::kTransmit);
    TestChannel channel(library);
    REQUIRE(channel.Connect().Wait().ok());
    const Watch watch(*channel.channel());
    daemon.Hold(Command::kTransmit);
    daemon.Forget();
    Sent sent = Send(*channel.channel(), kFirst);
    REQUIRE(sent.direct);
    Moment closed;
    channel->Close(Disposition::kReset, [&] { closed.Come(); });
    CHECK(closed.come());
    CHECK(sent.Wait().code() == status::kCancelled);
    daemon.LetGo(Command::kTransmit);
    daemon.WaitForNoLink();
    // As where a call is stuck: what is undone late leaves the card.
    CHECK(daemon.log() == "transmit 01, disconnect leave, release");
  }
}

TEST_CASE_FIXTURE(Connected,
                  "what a cancelled transmit carries goes with the channel, whoever holds the rest") {
  const auto apdu = std::make_shared<SecretBytes>(kFirst);
  daemon.Hold(Command::kTransmit);
  Answer<Bytes> answer;
  const Channel::Transmission sent = channel->SubmitTransmit(apdu, answer.Take(), true, true);
  REQUIRE(sent.direct);
  CHECK(apdu.use_count() > 1);
  sent.operation->Cancel();
  CHECK(answer.Wait().code() == status::kCancelled);
  daemon.LetGo(Command::kTransmit);
  daemon.WaitForNoLink();
  CHECK(Eventually([&] { return apdu.use_count() == 1; }));
}

TEST_CASE_FIXTURE(Connected, "a transmit that is answered carries nothing any more") {
  const auto apdu = std::make_shared<SecretBytes>(kFirst);
  const Watch watch(*channel.channel());
  Answer<Bytes> answer;
  const Channel::Transmission sent = channel->SubmitTransmit(apdu, answer.Take(), true, true);
  while (!answer.given()) {
    REQUIRE(watch.Readable());
    CHECK(channel->Continue());
  }
  CHECK(apdu.use_count() == 1);
}

TEST_CASE_FIXTURE(Connected, "a daemon that dies while a transmit is under way is no service") {
  const Watch watch(*channel.channel());
  Sent sent = SendHeld(kFirst);
  Sent queued = Send(kSecond);
  daemon.Die();
  watch.Finish(sent);
  CHECK(sent.Wait().code() == status::kNoService);
  CHECK(queued.Wait().code() == status::kNoService);
  sent = Send(kThird);
  CHECK_FALSE(sent.direct);
  CHECK(sent.Wait().code() == status::kNoService);
}

TEST_CASE_FIXTURE(Connected, "a daemon that dies between two transmits is no service to the next") {
  const Watch watch(*channel.channel());
  daemon.Die();
  Sent sent = Send(kFirst);
  if (sent.direct) watch.Finish(sent);
  CHECK(sent.Wait().code() == status::kNoService);
}

}  // namespace
