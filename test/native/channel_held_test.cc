// A card that another process has, or has reset, where the daemon is asked without its library.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "direct_fixture.h"

namespace {

using pcsc_bridge::BeginOutcome;
using pcsc_bridge::Bytes;
using pcsc_bridge::Connection;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Operation;
using pcsc_bridge::Protocols;
using pcsc_bridge::ReaderGate;
using pcsc_bridge::Result;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;

TEST_CASE_FIXTURE(Connected,
                  "a card that another process has is waited for, and sent to once, before what came later") {
  daemon.Refuse(Command::kTransmit, status::kSharingViolation, FakeDaemon::kUntilServed);
  const Watch watch(*channel.channel());
  Sent first = Send(kFirst);
  CHECK(first.direct);
  Sent second = Send(kSecond);
  CHECK_FALSE(second.direct);
  REQUIRE(watch.Readable());
  CHECK(channel->Continue());
  daemon.WaitForAsked(Command::kTransmit, 5);
  CHECK_FALSE(first.given());
  CHECK_FALSE(channel->Continue());
  Sent third = Send(kThird);
  CHECK_FALSE(third.direct);
  daemon.Serve(Command::kTransmit);
  CHECK((first.Wait().value() == Ok(kFirst)));
  CHECK((second.Wait().value() == Ok(kSecond)));
  CHECK((third.Wait().value() == Ok(kThird)));
  std::vector<Bytes> served;
  for (const Question& question : daemon.asked(Command::kTransmit)) {
    if (question.answered == status::kSuccess) {
      served.push_back(question.data);
    } else {
      CHECK((question.data == kFirst));
    }
  }
  CHECK((served == std::vector<Bytes>{kFirst, kSecond, kThird}));
  CHECK_FALSE(watch.Readable(std::chrono::milliseconds(0)));
}

TEST_CASE_FIXTURE(Connected,
                  "a transmit that waits for another process can be cancelled, and is never sent") {
  daemon.Refuse(Command::kTransmit, status::kSharingViolation, FakeDaemon::kUntilServed);
  const Watch watch(*channel.channel());
  Sent sent = Send(kFirst);
  REQUIRE(watch.Readable());
  CHECK(channel->Continue());
  daemon.WaitForAsked(Command::kTransmit, 3);
  // In the call or between two: abandoned, or as good as before.
  sent.Cancel();
  CHECK(sent.Wait().code() == status::kCancelled);
  daemon.Serve(Command::kTransmit);
  Asked<Bytes> next = channel.Transmit(kSecond);
  CHECK(next.Wait().code() == (channel->ended() ? status::kAbandoned : status::kSuccess));
  if (channel->ended()) daemon.WaitForNoLink();
  int served = 0;
  for (const Question& question : daemon.asked(Command::kTransmit)) {
    if (question.data == kFirst && question.answered == status::kSuccess) ++served;
  }
  CHECK(served <= (channel->ended() ? 1 : 0));  // at most the one that was in the call
}

TEST_CASE_FIXTURE(Connected,
                  "an exchange repeats only the piece that is refused while others have the card") {
  int asked = 0;
  daemon.On(Command::kTransmit, [&](const Question& question) {
    // The second piece is refused twice, and so is the rest of the response.
    const bool refused = ++asked == 2 || asked == 3 || asked == 5;
    if (refused) {
      auto message = question.As<pcsc_bridge::daemon::Transmit>();
      message.code = status::kSharingViolation;
      return ReplyOf(message);
    }
    if (question.data == kSecond) return Response(question, {0x61, 0x01});
    return Response(question, question.data == kFirst ? Bytes{0x90, 0x00} : Bytes{0x55, 0x90, 0x00});
  });
  Asked<Bytes> exchanged = channel.Submit<Bytes>([](Connection& connection, Operation& operation) {
    return connection.Exchange({kFirst, kSecond}, 0x00, operation);
  });
  CHECK((exchanged.Wait().value() == Bytes{0x55, 0x90, 0x00}));
  CHECK(daemon.log() ==
        "transmit 01, transmit 02!, transmit 02!, transmit 02, transmit 00c0000001!, transmit 00c0000001");
}

TEST_CASE_FIXTURE(Connected,
                  "other calls on a card that another process has are asked again until it is free") {
  daemon.Refuse(Command::kStatus, status::kSharingViolation, FakeDaemon::kUntilServed);
  daemon.AddReader("R");
  auto asked = channel.Status();
  daemon.WaitForAsked(Command::kStatus, 4);
  CHECK_FALSE(asked.given());
  daemon.Serve(Command::kStatus);
  CHECK(asked.Wait().ok());
  daemon.Refuse(Command::kReconnect, status::kSharingViolation, 3);
  CHECK(channel.Reconnect(Disposition::kReset).Wait().ok());
  CHECK(daemon.count(Command::kReconnect) == 4);
}

TEST_CASE_FIXTURE(Connected,
                  "a call that waits for another process can be cancelled, and the channel goes on") {
  // As often as it takes to meet it in a pause, not in the call.
  CHECK(Eventually([&] {
    TestChannel waiter(library);
    CHECK(waiter.Connect().Wait().ok());
    daemon.Refuse(Command::kReconnect, status::kSharingViolation, FakeDaemon::kUntilServed);
    const std::size_t asked = daemon.count(Command::kReconnect);
    Asked<Protocols> reconnected = waiter.Reconnect(Disposition::kReset);
    daemon.WaitForAsked(Command::kReconnect, asked + 2);
    std::this_thread::sleep_for(std::chrono::microseconds(200));  // for the answer: then it pauses
    reconnected.Cancel();
    CHECK(reconnected.Wait().code() == status::kCancelled);
    daemon.Serve(Command::kReconnect);
    if (waiter->ended()) return false;  // it was just in the call
    CHECK(waiter.Transmit(kFirst).Wait().ok());
    return true;
  }));
}

TEST_CASE_FIXTURE(Connected, "begin waits for another process by asking for the status, and tells of it") {
  daemon.Refuse(Command::kStatus, status::kSharingViolation, FakeDaemon::kUntilServed);
  Asked<BeginOutcome> begun = channel.Begin();
  daemon.WaitForAsked(Command::kStatus, 3);
  CHECK(daemon.count(Command::kBeginTransaction) == 0);
  daemon.Serve(Command::kStatus);
  const Result<BeginOutcome> outcome = begun.Wait();
  REQUIRE(outcome.ok());
  CHECK(outcome.value().waited);
  CHECK(outcome.value().handle_works);
}

TEST_CASE_FIXTURE(Connected, "a begin that another process comes before, after the look, waits for it, too") {
  daemon.Refuse(Command::kBeginTransaction, status::kSharingViolation, 2);
  const Result<BeginOutcome> outcome = channel.Begin().Wait();
  REQUIRE(outcome.ok());
  CHECK(outcome.value().waited);
  CHECK(daemon.count(Command::kBeginTransaction) == 3);
}

TEST_CASE_FIXTURE(Connected, "a reconnect that puts a reset right waits for another process, too") {
  SUBCASE("in a begin") {
    daemon.Refuse(Command::kBeginTransaction, status::kResetCard);
    daemon.Refuse(Command::kReconnect, status::kSharingViolation, 2);
    const Result<BeginOutcome> outcome = channel.Begin().Wait();
    REQUIRE(outcome.ok());
    CHECK(outcome.value().card_was_reset);
    CHECK(outcome.value().waited);
  }
  SUBCASE("in a transmit after a reset of our own") {
    CHECK(channel.Begin().Wait().ok());
    CHECK(channel.End(Disposition::kReset).Wait().ok());
    daemon.Refuse(Command::kTransmit, status::kResetCard);
    daemon.Refuse(Command::kReconnect, status::kSharingViolation, 2);
    CHECK(channel.Transmit(kFirst).Wait().ok());
  }
  CHECK(daemon.count(Command::kReconnect) == 3);
}

TEST_CASE_FIXTURE(Connected,
                  "a protocol that a reset has opened is agreed on anew, and the command sent once") {
  SUBCASE("outside a transaction") {}
  SUBCASE("in a transaction that has done nothing yet") {
    CHECK(channel.Begin().Wait().ok());
  }
  daemon.Forget();
  const Watch watch(*channel.channel());
  daemon.Refuse(Command::kTransmit, status::kProtoMismatch, 2);
  Sent sent = Send(kFirst);
  CHECK(sent.direct);
  REQUIRE(watch.Readable());
  CHECK(channel->Continue());
  CHECK((sent.Wait().value() == Ok(kFirst)));
  CHECK(daemon.log() == "transmit 01!, transmit 01!, reconnect leave, transmit 01");
}

TEST_CASE_FIXTURE(Connected, "a protocol that stays open is told, as is one that cannot be agreed on") {
  daemon.Refuse(Command::kTransmit, status::kProtoMismatch, FakeDaemon::kUntilServed);
  SUBCASE("open") {
    CHECK(channel.Transmit(kFirst).Wait().code() == status::kProtoMismatch);
    CHECK(daemon.log() == "transmit 01!, reconnect leave, transmit 01!");
  }
  SUBCASE("not agreed on") {
    daemon.Refuse(Command::kReconnect, status::kUnresponsiveCard);
    CHECK(channel.Transmit(kFirst).Wait().code() == status::kUnresponsiveCard);
    CHECK(daemon.log() == "transmit 01!, reconnect leave!");
  }
  daemon.Serve(Command::kTransmit);
}

TEST_CASE_FIXTURE(Connected, "a card that is reset after it has done something in a transaction was reset") {
  CHECK(channel.Begin().Wait().ok());
  SUBCASE("for the owner thread") {
    CHECK(channel.Transmit(kFirst).Wait().ok());
  }
  SUBCASE("for the asker's own") {
    const Watch watch(*channel.channel());
    Sent first = Send(kFirst);
    CHECK(first.direct);
    watch.Finish(first);
  }
  daemon.Refuse(Command::kTransmit, status::kProtoMismatch, FakeDaemon::kUntilServed);
  daemon.Forget();
  CHECK(channel.Transmit(kSecond).Wait().code() == status::kResetCard);
  CHECK(daemon.log() == "transmit 02!");
  daemon.Serve(Command::kTransmit);
  CHECK(channel.End().Wait().ok());
  // The next transaction has nothing to lose.
  CHECK(channel.Begin().Wait().ok());
  daemon.Refuse(Command::kTransmit, status::kProtoMismatch);
  CHECK((channel.Transmit(kSecond).Wait().value() == Ok(kSecond)));
}

TEST_CASE_FIXTURE(Connected, "an exchange whose card is reset between its pieces does not go on") {
  int asked = 0;
  daemon.On(Command::kTransmit, [&](const Question& question) {
    if (++asked == 1) return Response(question, {0x90, 0x00});
    auto message = question.As<pcsc_bridge::daemon::Transmit>();
    message.code = status::kProtoMismatch;
    return ReplyOf(message);
  });
  Asked<Bytes> exchanged = channel.Submit<Bytes>([](Connection& connection, Operation& operation) {
    return connection.Exchange({kFirst, kSecond}, 0x00, operation);
  });
  CHECK(exchanged.Wait().code() == status::kResetCard);
  CHECK(daemon.log() == "transmit 01, transmit 02!");
}

TEST_CASE_FIXTURE(Connected,
                  "a transmit that is given up before the card is put right leaves that to the next") {
  // As often as it takes to meet it in a pause, not in the call.
  CHECK(Eventually([&] {
    TestChannel waiter(library);
    CHECK(waiter.Connect().Wait().ok());
    CHECK(waiter.Begin().Wait().ok());
    CHECK(waiter.End(Disposition::kReset).Wait().ok());
    daemon.Refuse(Command::kTransmit, status::kResetCard, FakeDaemon::kUntilServed);
    daemon.Refuse(Command::kReconnect, status::kSharingViolation, FakeDaemon::kUntilServed);
    const std::size_t asked = daemon.count(Command::kReconnect);
    Asked<Bytes> sent = waiter.Transmit(kFirst);
    daemon.WaitForAsked(Command::kReconnect, asked + 2);
    std::this_thread::sleep_for(std::chrono::microseconds(200));  // for the answer: then it pauses
    sent.Cancel();
    CHECK(sent.Wait().code() == status::kCancelled);
    daemon.Serve(Command::kReconnect);
    daemon.Refuse(Command::kTransmit, status::kResetCard);
    if (waiter->ended()) return false;  // it was just in the call
    CHECK((waiter.Transmit(kSecond).Wait().value() == Ok(kSecond)));
    return true;
  }));
}

TEST_CASE_FIXTURE(Connected, "a transmit that is given up while the card is put right is not sent again") {
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.End(Disposition::kReset).Wait().ok());
  daemon.Forget();
  daemon.Refuse(Command::kTransmit, status::kResetCard);
  daemon.Hold(Command::kReconnect);
  Asked<Bytes> sent = channel.Transmit(kFirst);
  daemon.WaitForAsked(Command::kReconnect, 1);
  sent.Cancel();
  CHECK(sent.Wait().code() == status::kCancelled);
  daemon.LetGo(Command::kReconnect);
  daemon.WaitForNoLink();
  CHECK(daemon.log() == "transmit 01!, reconnect leave, disconnect leave, release");
}

TEST_CASE_FIXTURE(Connected, "a begin that another process keeps from the card can be cancelled") {
  daemon.Refuse(Command::kBeginTransaction, status::kSharingViolation, FakeDaemon::kUntilServed);
  Asked<BeginOutcome> begun = channel.Begin();
  daemon.WaitForAsked(Command::kBeginTransaction, 3);
  begun.Cancel();
  CHECK(begun.Wait().code() == status::kCancelled);
  CHECK(Eventually([] { return !ReaderGate::OfProcess().IsTaken("R"); }));
}

TEST_CASE_FIXTURE(Connected, "a begin given up while the daemon has it leaves the channel good") {
  daemon.Hold(Command::kBeginTransaction);
  std::string undone;
  SUBCASE("and succeeds late") {
    undone = "begin, end leave";
  }
  SUBCASE("and is refused") {
    daemon.Refuse(Command::kBeginTransaction, status::kSharingViolation);
    undone = "begin!";
  }
  Asked<BeginOutcome> begun = channel.Begin();
  daemon.WaitForAsked(Command::kBeginTransaction, 1);
  begun.Cancel();
  REQUIRE(begun.given());
  CHECK(begun.Wait().code() == status::kCancelled);
  CHECK_FALSE(channel->ended());
  daemon.LetGo(Command::kBeginTransaction);
  // Done in order: after what is undone.
  CHECK(channel.Submit<Done>([](auto&, auto&) { return Done{}; }).Wait().ok());
  CHECK(daemon.log() == "status, " + undone);
  CHECK_FALSE(ReaderGate::OfProcess().IsTaken("R"));
  CHECK(channel.Begin().Wait().ok());
}

}  // namespace
