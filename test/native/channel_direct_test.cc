// Transmits that the asker's own thread sends, and when they are the owner thread's after all.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "direct_fixture.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Channel;
using pcsc_bridge::Connection;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Operation;
using pcsc_bridge::ReaderGate;
using pcsc_bridge::Result;
using pcsc_bridge::SecretBytes;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;

TEST_CASE_FIXTURE(Connected, "a transmit of an idle channel is sent and answered on the asker's thread") {
  const Watch watch(*channel.channel());
  REQUIRE(watch.valid());
  for (const Bytes& apdu : {kFirst, kSecond, Bytes(300, 0x07)}) {
    std::thread::id answered;
    Answer<Bytes> answer;
    const Channel::Transmission sent = channel->SubmitTransmit(
        std::make_shared<SecretBytes>(apdu),
        [&, give = answer.Take()](Result<Bytes> result) {
          answered = std::this_thread::get_id();
          give(std::move(result));
        },
        true, true);
    CHECK(sent.direct);
    while (!answer.given()) {
      REQUIRE(watch.Readable());
      CHECK(channel->Continue());
    }
    CHECK((answer.Wait().value() == Ok(apdu)));
    CHECK((answered == std::this_thread::get_id()));
  }
  CHECK(channel.Status().Wait().code() == status::kReaderUnavailable);  // and the owner thread has it again
}

TEST_CASE_FIXTURE(Connected, "a transmit whose asker watches nothing is the owner thread's") {
  Sent sent = ::Send(*channel.channel(), kFirst, false);
  CHECK_FALSE(sent.direct);
  CHECK((sent.Wait().value() == Ok(kFirst)));
  CHECK_FALSE(channel->Continue());
}

TEST_CASE_FIXTURE(WithDaemon, "a channel without a card has nothing to watch, and says why nothing is sent") {
  TestChannel channel(library);
  CHECK_FALSE(Watch(*channel.channel()).valid());
  Sent sent = Send(*channel.channel(), kFirst);
  CHECK_FALSE(sent.direct);
  CHECK(sent.Wait().code() == status::kNotConnected);
  CHECK(channel.Connect().Wait().ok());
  CHECK(Watch(*channel.channel()).valid());
  CHECK(channel.Disconnect(Disposition::kLeave).Wait().ok());
  CHECK_FALSE(Watch(*channel.channel()).valid());
  sent = Send(*channel.channel(), kFirst);
  CHECK_FALSE(sent.direct);
  CHECK(sent.Wait().code() == status::kNotConnected);
}

TEST_CASE_FIXTURE(Connected, "while the owner thread is busy a transmit waits for its turn in the queue") {
  daemon.Hold(Command::kStatus);
  auto asked = channel.Status();
  daemon.WaitForAsked(Command::kStatus, 1);
  CHECK_FALSE(Watch(*channel.channel()).valid());
  Sent first = Send(kFirst);
  Sent second = Send(kSecond);
  CHECK_FALSE(first.direct);
  CHECK_FALSE(second.direct);
  CHECK_FALSE(channel->Continue());
  CHECK(daemon.log() == "status");
  daemon.LetGo(Command::kStatus);
  CHECK((first.Wait().value() == Ok(kFirst)));
  CHECK((second.Wait().value() == Ok(kSecond)));
  CHECK(daemon.log() == "status, readers, transmit 01, transmit 02");
}

TEST_CASE_FIXTURE(Connected, "a transmit that another is before waits for it, whoever sent that") {
  const Watch watch(*channel.channel());
  Sent first = SendHeld(kFirst);
  Sent second = Send(kSecond);
  CHECK_FALSE(second.direct);
  CHECK_FALSE(second.answer.given());
  daemon.LetGo(Command::kTransmit);
  watch.Finish(first);
  CHECK((first.Wait().value() == Ok(kFirst)));
  CHECK((second.Wait().value() == Ok(kSecond)));
  CHECK(daemon.log() == "transmit 01, transmit 02");
}

TEST_CASE_FIXTURE(Connected, "while the reader's turn is another's a transmit waits in line") {
  Sent sent;
  {
    const TurnOfAnother turn;
    CHECK(Watch(*channel.channel()).valid());
    sent = Send(kFirst);
    CHECK_FALSE(sent.direct);
    REQUIRE(Eventually([] { return ReaderGate::OfProcess().Waiting("R") == 1; }));
    CHECK(daemon.log().empty());
  }
  CHECK((sent.Wait().value() == Ok(kFirst)));
  const Watch watch(*channel.channel());
  sent = Send(kSecond);
  CHECK(sent.direct);
  watch.Finish(sent);
}

TEST_CASE_FIXTURE(Connected,
                  "in a transaction of its own a channel has the turn, and others of the process wait") {
  TestChannel other(library);
  CHECK(other.Connect().Wait().ok());
  CHECK(channel.Begin().Wait().ok());
  const Watch watch(*channel.channel());
  Sent own = Send(kFirst);
  CHECK(own.direct);
  Sent others = ::Send(*other.channel(), kSecond);
  CHECK_FALSE(others.direct);
  watch.Finish(own);
  CHECK((own.Wait().value() == Ok(kFirst)));
  REQUIRE(Eventually([] { return ReaderGate::OfProcess().Waiting("R") == 1; }));
  CHECK(daemon.count(Command::kTransmit) == 1);
  CHECK(channel.End().Wait().ok());
  CHECK((others.Wait().value() == Ok(kSecond)));
}

TEST_CASE_FIXTURE(Connected,
                  "after a reset of our own the owner thread reconnects first, and nobody is told") {
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.End(Disposition::kReset).Wait().ok());
  daemon.Forget();
  daemon.Refuse(Command::kTransmit, status::kResetCard);
  Sent sent = Send(kFirst);
  CHECK_FALSE(sent.direct);
  CHECK((sent.Wait().value() == Ok(kFirst)));
  CHECK(daemon.log() == "transmit 01!, reconnect leave, transmit 01");
  const Watch watch(*channel.channel());
  sent = Send(kSecond);
  CHECK(sent.direct);
  watch.Finish(sent);
}

TEST_CASE_FIXTURE(Connected, "a reset by somebody else is told by the transmit that finds it") {
  daemon.Refuse(Command::kTransmit, status::kResetCard);
  const Watch watch(*channel.channel());
  Sent sent = Send(kFirst);
  CHECK(sent.direct);
  watch.Finish(sent);
  const Result<Bytes> result = sent.Wait();
  CHECK(result.code() == status::kResetCard);
  CHECK(result.error().operation == "SCardTransmit");
  CHECK(result.error().reader == "R");
  CHECK(channel.Reconnect(Disposition::kLeave).Wait().ok());
  sent = Send(kSecond);
  CHECK(sent.direct);
  watch.Finish(sent);
  CHECK((sent.Wait().value() == Ok(kSecond)));
}

TEST_CASE_FIXTURE(Connected, "what is asked for while a transmit is under way waits for it") {
  const Watch watch(*channel.channel());
  Sent sent = SendHeld(kFirst);
  Moment ran;
  Asked<Done> asked = channel.Submit<Done>([&](Connection&, Operation&) -> Result<Done> {
    ran.Come();
    return Done{};
  });
  CHECK_FALSE(Watch(*channel.channel()).valid());
  CHECK_FALSE(ran.WaitFor(std::chrono::milliseconds(20)));  // though the owner thread is awake
  daemon.LetGo(Command::kTransmit);
  REQUIRE(watch.Readable());
  CHECK_FALSE(ran.come());
  watch.Finish(sent);
  CHECK((sent.Wait().value() == Ok(kFirst)));
  CHECK(asked.Wait().ok());
}

TEST_CASE_FIXTURE(Connected, "what waits for a transmit can be cancelled, and nothing else happens") {
  const Watch watch(*channel.channel());
  Sent sent = SendHeld(kFirst);
  Sent queued = Send(kSecond);
  queued.Cancel();
  CHECK(queued.Wait().code() == status::kCancelled);
  CHECK_FALSE(channel->ended());
  daemon.LetGo(Command::kTransmit);
  watch.Finish(sent);
  CHECK((sent.Wait().value() == Ok(kFirst)));
  CHECK(channel.Transmit(kThird).Wait().ok());
  CHECK(daemon.log() == "transmit 01, transmit 03");
}

TEST_CASE_FIXTURE(Connected, "a wake-up for nothing changes nothing") {
  CHECK_FALSE(channel->Continue());
  const Watch watch(*channel.channel());
  Sent sent = SendHeld(kFirst);
  CHECK(channel->Continue());
  CHECK(channel->Continue());
  CHECK_FALSE(sent.given());
  daemon.LetGo(Command::kTransmit);
  watch.Finish(sent);
  CHECK((sent.Wait().value() == Ok(kFirst)));
  CHECK_FALSE(channel->Continue());
  sent = Send(kSecond);
  CHECK(sent.direct);
  watch.Finish(sent);
}

TEST_CASE_FIXTURE(Connected, "a long response comes as its pieces do") {
  Bytes longest(65538, 0x33);
  daemon.On(Command::kTransmit, [&](const Question& question) { return Response(question, longest); });
  daemon.Piecemeal(Command::kTransmit, 1000);
  const Watch watch(*channel.channel());
  Sent sent = Send(kFirst);
  CHECK(sent.direct);
  watch.Finish(sent);
  CHECK((sent.Wait().value() == longest));
}

TEST_CASE_FIXTURE(Connected, "a command too long to be sent without waiting is the owner thread's") {
  const Bytes longest(65544, 0x44);
  Sent sent = Send(longest);
  CHECK_FALSE(sent.direct);
  CHECK((sent.Wait().value() == Ok(longest)));
}

}  // namespace
