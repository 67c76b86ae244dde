// What a connection does with its card: resets and whose they are, waiting for others, ending what is open.
#include "channel/connection.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "channel_fixture.h"

namespace {

using pcsc_bridge::BeginOutcome;
using pcsc_bridge::Bytes;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::OnReset;
using pcsc_bridge::Protocols;
using pcsc_bridge::Result;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

bool InLine(std::size_t count) {
  return Eventually([&] { return pcsc_bridge::ReaderGate::OfProcess().Waiting("R") == count; });
}

struct Connected {
  Connected() {
    library.AddReader("R");
    CHECK(channel.Connect().Wait().ok());
  }
  FakeLibrary library;
  TestChannel channel{library};
};

TEST_CASE_FIXTURE(Connected, "a reset by somebody else is told by the begin that finds it") {
  library.Reset("R");
  Result<BeginOutcome> begun = channel.Begin().Wait();
  REQUIRE(begun.ok());
  CHECK(begun->card_was_reset);
  CHECK(channel.End().Wait().ok());
  begun = channel.Begin().Wait();
  REQUIRE(begun.ok());
  CHECK_FALSE(begun->card_was_reset);
}

TEST_CASE_FIXTURE(Connected, "a reset by somebody else fails a begin that is not to reconnect") {
  library.Reset("R");
  CHECK(channel.Begin(OnReset::kFail).Wait().code() == status::kResetCard);
  CHECK(channel.Reconnect(Disposition::kLeave).Wait().ok());
  CHECK(channel.Begin(OnReset::kFail).Wait().ok());
}

TEST_CASE_FIXTURE(Connected,
                  "a reset of our own is not told, by begin or by any call outside a transaction") {
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.End(Disposition::kReset).Wait().ok());
  Result<BeginOutcome> begun = channel.Begin(OnReset::kFail).Wait();
  REQUIRE(begun.ok());
  CHECK_FALSE(begun->card_was_reset);
  CHECK(channel.End(Disposition::kReset).Wait().ok());
  CHECK(channel.Transmit(kAsk).Wait().ok());
}

TEST_CASE_FIXTURE(Connected, "a begin that fails does not forget that the reset was our own") {
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.End(Disposition::kReset).Wait().ok());
  library.Fail(Call::kBegin, status::kCommError);
  CHECK(channel.Begin().Wait().code() == status::kCommError);
  library.Fail(Call::kReconnect, status::kCommError);
  CHECK(channel.Reconnect(Disposition::kLeave).Wait().code() == status::kCommError);
  const Result<BeginOutcome> begun = channel.Begin().Wait();
  REQUIRE(begun.ok());
  CHECK_FALSE(begun.value().card_was_reset);
}

TEST_CASE_FIXTURE(Connected, "where begin does not tell of a reset, the status after it does") {
  library.table().status_is_mask = false;
  library.Fail(Call::kStatus, status::kResetCard);
  const Result<BeginOutcome> begun = channel.Begin().Wait();
  REQUIRE(begun.ok());
  CHECK(begun.value().card_was_reset);
  CHECK(library.last_calls(4) == "begin, end leave, reconnect leave, begin");
}

TEST_CASE_FIXTURE(Connected, "begin waits for another process by asking, and begins once the card is free") {
  library.Hold("R");
  Asked<BeginOutcome> begun = channel.Begin();
  library.WaitForCount(Call::kGetAttrib, 5);
  CHECK_FALSE(begun.given());
  CHECK(library.count(Call::kBegin) == 0);
  library.Free("R");
  const Result<BeginOutcome> outcome = begun.Wait();
  REQUIRE(outcome.ok());
  CHECK(outcome.value().waited);
  CHECK(outcome.value().waited_for.count() > 0);
}

TEST_CASE_FIXTURE(Connected,
                  "a begin that waits for another process can be cancelled, and the channel goes on") {
  for (int attempt = 0; attempt < 20; ++attempt) {
    TestChannel waiter(library);
    CHECK(waiter.Connect().Wait().ok());
    library.Hold("R");
    Asked<BeginOutcome> begun = waiter.Begin();
    library.WaitForCount(Call::kGetAttrib, library.count(Call::kGetAttrib) + 1);
    begun.Cancel();
    CHECK(begun.Wait().code() == status::kCancelled);
    CHECK_FALSE(waiter->ended());
    library.Free("R");
    CHECK(waiter.Begin().Wait().ok());
  }
}

TEST_CASE_FIXTURE(Connected,
                  "a begin cancelled in the middle of its question leaves its channel as good as before") {
  TestChannel waiter(library);
  CHECK(waiter.Connect().Wait().ok());
  library.Hold("R");
  library.Stick(Call::kGetAttrib);
  Asked<BeginOutcome> begun = waiter.Begin();
  library.WaitForStuck(Call::kGetAttrib);
  begun.Cancel();
  CHECK(begun.Wait().code() == status::kCancelled);
  CHECK_FALSE(waiter->ended());
  library.Unstick(Call::kGetAttrib);
  library.Free("R");
  CHECK(waiter.Begin().Wait().ok());
}

TEST_CASE_FIXTURE(Connected, "without the question, begin is called at once and waits in the library") {
  library.table().probe_before_begin = false;
  library.Hold("R");
  Asked<BeginOutcome> begun = channel.Begin();
  library.WaitForCount(Call::kBegin, 1);
  CHECK(library.count(Call::kGetAttrib) == 0);
  library.Free("R");
  CHECK(begun.Wait().ok());
}

TEST_CASE_FIXTURE(Connected,
                  "without the question, a begin that took long is told to have waited, others are not") {
  library.table().probe_before_begin = false;
  Result<BeginOutcome> outcome = channel.Begin().Wait();
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome.value().waited);
  CHECK(channel.End().Wait().ok());
  library.Hold("R");
  Asked<BeginOutcome> begun = channel.Begin();
  library.WaitForCount(Call::kBegin, 2);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));  // the time itself is what tells
  library.Free("R");
  outcome = begun.Wait();
  REQUIRE(outcome.ok());
  CHECK(outcome.value().waited);
}

TEST_CASE_FIXTURE(Connected, "a command that is given up while it waits is never sent, asked or not") {
  for (const bool asks : {true, false}) {
    library.table().probe_before_begin = asks;
    TestChannel other(library);
    CHECK(other.Connect().Wait().ok());
    const int sent = library.count(Call::kTransmit);
    const int begun = library.count(Call::kBegin);
    library.Hold("R");
    Asked<Bytes> transmit = other.Transmit(kAsk);
    if (asks) {
      library.WaitForCount(Call::kGetAttrib, 1);
    } else {
      library.WaitForCount(Call::kBegin, begun + 1);
    }
    transmit.Cancel();
    CHECK(transmit.Wait().code() == status::kCancelled);
    library.Free("R");
    CHECK(channel.Transmit(kAsk).Wait().ok());
    CHECK(library.count(Call::kTransmit) == sent + 1);
  }
}

TEST_CASE_FIXTURE(Connected, "whoever waits in the process comes next, and is told that it waited") {
  TestChannel other(library);
  CHECK(other.Connect().Wait().ok());
  CHECK(channel.Begin().Wait().ok());
  Asked<BeginOutcome> waiting = other.Begin();
  REQUIRE(InLine(1));
  CHECK(library.count(Call::kGetAttrib) == 1);  // the first one's: who waits in line asks nobody
  CHECK(channel.End().Wait().ok());
  const Result<BeginOutcome> begun = waiting.Wait();
  REQUIRE(begun.ok());
  CHECK(begun.value().waited);
}

TEST_CASE_FIXTURE(Connected, "a waiter in line that is cancelled leaves its channel as good as before") {
  TestChannel other(library);
  CHECK(other.Connect().Wait().ok());
  CHECK(channel.Begin().Wait().ok());
  Asked<BeginOutcome> waiting = other.Begin();
  REQUIRE(InLine(1));
  waiting.Cancel();
  CHECK(waiting.Wait().code() == status::kCancelled);
  CHECK_FALSE(other->ended());
  CHECK(channel.End().Wait().ok());
  CHECK(other.Begin().Wait().ok());
}

TEST_CASE_FIXTURE(Connected, "a second begin in a transaction is refused, and the transaction goes on") {
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.Begin().Wait().code() == status::kInvalidParameter);
  CHECK(channel.Transmit(kAsk).Wait().ok());
  CHECK(channel.End().Wait().ok());
  CHECK(channel.End().Wait().code() == status::kNotTransacted);
}

TEST_CASE_FIXTURE(Connected, "connecting anew ends the transaction that is open, and waits for nobody") {
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.Transmit(kVerify).Wait().ok());
  CHECK(channel.Connect().Wait().ok());
  CHECK(library.log() == "connect R, begin, transmit, end reset, disconnect leave, connect R");
  CHECK(channel.Begin().Wait().ok());
}

TEST_CASE_FIXTURE(Connected, "disconnecting in a transaction ends it with the disposition, once") {
  CHECK(channel.Begin().Wait().ok());
  CHECK(channel.Disconnect(Disposition::kReset).Wait().ok());
  CHECK(library.log() == "connect R, begin, end reset, disconnect leave");
  CHECK(channel.Status().Wait().code() == status::kNotConnected);
}

TEST_CASE_FIXTURE(Connected, "an end that fails lets go of the handle, so that the card is free for others") {
  CHECK(channel.Begin().Wait().ok());
  library.Fail(Call::kEnd, status::kCommError);
  CHECK(channel.End().Wait().code() == status::kCommError);
  CHECK(library.handles() == 0);
  CHECK(channel.Status().Wait().code() == status::kNotConnected);
  CHECK(channel.Connect().Wait().ok());
  CHECK(channel.Begin().Wait().ok());
}

TEST_CASE_FIXTURE(Connected, "a disconnect whose end fails tells so, and the handle has gone") {
  CHECK(channel.Begin().Wait().ok());
  library.Fail(Call::kEnd, status::kCommError);
  CHECK(channel.Disconnect(Disposition::kUnpower).Wait().code() == status::kCommError);
  CHECK(library.handles() == 0);
}

TEST_CASE_FIXTURE(Connected, "without a card every call says so, with its name") {
  CHECK(channel.Disconnect(Disposition::kLeave).Wait().ok());
  const Result<Bytes> sent = channel.Transmit(kAsk).Wait();
  CHECK(sent.code() == status::kNotConnected);
  CHECK(sent.error().operation == "SCardTransmit");
  CHECK(channel.Begin().Wait().error().operation == "SCardBeginTransaction");
  CHECK(channel.End().Wait().error().operation == "SCardEndTransaction");
}

TEST_CASE_FIXTURE(Connected, "an error carries the function and the reader") {
  library.RemoveCard("R");
  const Result<BeginOutcome> begun = channel.Begin(OnReset::kFail).Wait();
  CHECK(begun.code() == status::kRemovedCard);
  CHECK(begun.error().operation == "SCardBeginTransaction");
  CHECK(begun.error().reader == "R");
}

TEST_CASE_FIXTURE(Connected, "a failed connect leaves the reader to the next") {
  TestChannel other(library);
  library.Fail(Call::kConnect, status::kProtoMismatch);
  CHECK(other.Connect().Wait().code() == status::kProtoMismatch);
  CHECK(channel.Begin().Wait().ok());
}

}  // namespace
