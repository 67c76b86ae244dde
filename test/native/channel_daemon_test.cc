// Which of the two a channel asks, the daemon or its library; and what it knows of its card.
#include <doctest/doctest.h>

#include "direct_fixture.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Connection;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Operation;
using pcsc_bridge::Result;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

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

}  // namespace
