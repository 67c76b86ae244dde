// Transmits that the asker's own thread sends, and when they are the owner thread's after all.
#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "channel_fixture.h"
#include "fake_daemon.h"

namespace {

using pcsc_bridge::BeginOutcome;
using pcsc_bridge::Bytes;
using pcsc_bridge::Channel;
using pcsc_bridge::Connection;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Operation;
using pcsc_bridge::OperationOf;
using pcsc_bridge::Protocols;
using pcsc_bridge::ReaderGate;
using pcsc_bridge::Result;
using pcsc_bridge::SecretBytes;
using pcsc_bridge::daemon::Command;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;

const Bytes kFirst{0x01};
const Bytes kSecond{0x02};
const Bytes kThird{0x03};

Bytes Ok(Bytes apdu) {
  apdu.push_back(0x90);
  apdu.push_back(0x00);
  return apdu;
}

struct Sent : Asked<Bytes> {
  bool direct = false;
};

Sent Send(Channel& channel, const Bytes& apdu, bool may_be_direct = true) {
  Sent sent;
  Channel::Transmission transmission =
      channel.SubmitTransmit(std::make_shared<SecretBytes>(apdu), sent.answer.Take(), true, may_be_direct);
  sent.operation = std::move(transmission.operation);
  sent.direct = transmission.direct;
  return sent;
}

// Watches a channel as an event loop does.
class Watch {
 public:
  explicit Watch(Channel& channel) : channel_(channel), fd_(channel.TransmitDescriptor()) {}
  ~Watch() {
    if (fd_ >= 0) close(fd_);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool valid() const { return fd_ >= 0; }
  bool Readable(std::chrono::milliseconds time = kPatience) const {
    pollfd wait{fd_, POLLIN, 0};
    return poll(&wait, 1, static_cast<int>(time.count())) == 1;
  }
  // Until it says that nothing is under way that way any more.
  void Finish(Sent& sent) const {
    while (!sent.given()) {
      REQUIRE(Readable());
      if (!channel_.Continue()) return;
    }
  }

 private:
  Channel& channel_;
  const int fd_;
};

struct WithDaemon {
  WithDaemon() { library.table().daemon = pcsc_bridge::platform::DaemonLibrary(); }
  FakeDaemon daemon;
  FakeLibrary library;
};

struct Connected : WithDaemon {
  Connected() {
    CHECK(channel.Connect().Wait().ok());
    daemon.Forget();
  }
  Sent Send(const Bytes& apdu) { return ::Send(*channel.channel(), apdu); }
  // Sends a command whose response the daemon holds back.
  Sent SendHeld(const Bytes& apdu) {
    daemon.Hold(Command::kTransmit);
    const std::size_t before = daemon.count(Command::kTransmit);
    Sent sent = Send(apdu);
    REQUIRE(sent.direct);
    daemon.WaitForAsked(Command::kTransmit, before + 1);
    return sent;
  }
  TestChannel channel{library};
};

// Takes a turn at the reader, as any other channel of the process does.
class TurnOfAnother {
 public:
  TurnOfAnother() : place_(ReaderGate::OfProcess().TakePlace("R", *operation_)) {}

 private:
  std::shared_ptr<Operation> operation_ = std::make_shared<OperationOf<Done>>(
      [](Connection&, Operation&) -> Result<Done> { return Done{}; }, [](const Result<Done>&) {});
  ReaderGate::Place place_;
};

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

TEST_CASE_FIXTURE(
    Connected, "a transmit cancelled under way is answered at once, and the owner thread undoes the rest") {
  bool in_transaction = false;
  SUBCASE("outside a transaction") {}
  SUBCASE("in a transaction") {
    in_transaction = true;
  }
  if (in_transaction) CHECK(channel.Begin().Wait().ok());
  daemon.Forget();
  const Watch watch(*channel.channel());
  Sent sent = SendHeld(kFirst);
  Asked<Bytes> queued = channel.Transmit(kSecond);
  sent.Cancel();
  REQUIRE(sent.given());
  CHECK(sent.Wait().code() == status::kCancelled);
  CHECK(queued.Wait().code() == status::kAbandoned);
  CHECK(channel->abandoned());
  CHECK_FALSE(channel->Continue());
  CHECK_FALSE(Watch(*channel.channel()).valid());
  CHECK(Send(kThird).Wait().code() == status::kAbandoned);
  CHECK_FALSE(ReaderGate::OfProcess().IsTaken("R"));
  daemon.LetGo(Command::kTransmit);
  daemon.WaitForNoLink();
  CHECK_FALSE(channel->Continue());
  CHECK(daemon.log() == (in_transaction ? "transmit 01, end reset, disconnect leave, release"
                                        : "transmit 01, disconnect leave, release"));
}

TEST_CASE_FIXTURE(Connected,
                  "closing while a transmit is under way is told at once, and undone like a cancel") {
  bool in_transaction = false;
  SUBCASE("outside a transaction") {}
  SUBCASE("in a transaction") {
    in_transaction = true;
  }
  if (in_transaction) CHECK(channel.Begin().Wait().ok());
  daemon.Forget();
  const Watch watch(*channel.channel());
  Sent sent = SendHeld(kFirst);
  Asked<Bytes> queued = channel.Transmit(kSecond);
  Moment closed;
  channel->Close(Disposition::kLeave, [&] { closed.Come(); });
  CHECK(closed.come());
  REQUIRE(sent.given());
  CHECK(sent.Wait().code() == status::kCancelled);
  CHECK(queued.Wait().code() == status::kCancelled);
  CHECK_FALSE(channel->Continue());
  daemon.LetGo(Command::kTransmit);
  daemon.WaitForNoLink();
  CHECK(daemon.log() == (in_transaction ? "transmit 01, end reset, disconnect leave, release"
                                        : "transmit 01, disconnect leave, release"));
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

TEST_CASE_FIXTURE(Connected,
                  "the ATR is known once the status has told it, until the card may be another one") {
  daemon.AddReader("R", FakeDaemon::kCardIn, {0x3b, 0x77});
  const auto known = [&] {
    Bytes atr;
    (void)channel
        .Submit<Done>([&](Connection& connection, Operation&) -> Result<Done> {
          atr = connection.known_atr().value_or(Bytes());
          return Done{};
        })
        .Wait();
    return atr;
  };
  CHECK(known().empty());
  CHECK(channel.Status().Wait().ok());
  CHECK((known() == Bytes{0x3b, 0x77}));
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.End().Wait().ok());
  CHECK((known() == Bytes{0x3b, 0x77}));
  SUBCASE("a reconnect") {
    CHECK(channel.Reconnect(Disposition::kLeave).Wait().ok());
  }
  SUBCASE("a reconnect that fails") {
    daemon.Refuse(Command::kReconnect, status::kNoSmartcard);
    CHECK(channel.Reconnect(Disposition::kLeave).Wait().code() == status::kNoSmartcard);
  }
  SUBCASE("a new connection") {
    CHECK(channel.Connect().Wait().ok());
  }
  SUBCASE("a begin that reconnects") {
    daemon.Refuse(Command::kBeginTransaction, status::kResetCard);
    CHECK(channel.Begin().Wait().ok());
  }
  CHECK(known().empty());
}

TEST_CASE_FIXTURE(WithDaemon, "a daemon that refuses, or is not there, is asked through the library") {
  SUBCASE("it refuses the version") {
    daemon.Refuse(Command::kVersion, status::kServiceStopped);
  }
  SUBCASE("it gives no context") {
    daemon.Refuse(Command::kEstablishContext, status::kNoMemory);
  }
  SUBCASE("it is not there") {
    daemon.Die();
  }
  library.AddReader("R");
  TestChannel channel(library);
  REQUIRE(channel.Connect().Wait().ok());
  CHECK(channel.Begin().Wait().ok());
  CHECK_FALSE(Watch(*channel.channel()).valid());
  Sent sent = Send(*channel.channel(), kAsk);
  CHECK_FALSE(sent.direct);
  CHECK((sent.Wait().value() == kNotVerified));
  CHECK(channel.End().Wait().ok());
  CHECK(library.log() == "connect R, begin, transmit, end leave");
}

TEST_CASE_FIXTURE(WithDaemon, "a failure of both is the library's to tell") {
  daemon.Die();
  library.StopService();
  TestChannel channel(library);
  CHECK(channel.Connect().Wait().code() == status::kNoService);
  library.StartService();
  library.AddReader("R");
  CHECK(channel.Connect().Wait().ok());
}

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
