// Claim: what the card cache does to a connection.
#include <doctest/doctest.h>

#include "connection_fixture.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using State = Connection::State;

TEST_SUITE("connection: claim") {
  TEST_CASE_FIXTURE(ConnectionFixture, "Claim connects, begins and reads the ATR in one turn") {
    const auto connection = Make();
    const auto other = MakeOpen();
    world.TakeLog();
    Given<Connection::Claimed> claimed;
    Given<BeginOutcome> late;
    connection->Claim(
        Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
    other->Begin(OnReset::kFail, late.Take());
    Run();
    CHECK(claimed.value().atr == Bytes{0x3b, 1});
    CHECK(world.TakeLog() == "connect A, begin, status");
    CHECK_FALSE(late.come());
    REQUIRE(End(*connection, Disposition::kLeave) == status::kSuccess);
    CHECK(late.come());
    REQUIRE(End(*other, Disposition::kLeave) == status::kSuccess);
    world.TakeLog();
    // The second time the card is known: a begin validates the handle.
    Given<Connection::Claimed> again;
    connection->Claim(
        Shared(A()), kT0OrT1, [] { return false; }, again.Take());
    Run();
    CHECK(again.value().atr == Bytes{0x3b, 1});
    CHECK(world.TakeLog() == "begin");
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "Claim decides about a reset once the transaction has begun") {
    const auto connection = MakeOpen();
    card().verified = "anna";
    bool asked = false;
    Given<Connection::Claimed> claimed;
    Hold();
    connection->Claim(
        Shared(A()), kT0OrT1, [&] { return asked = true; }, claimed.Take());
    Run();
    CHECK_FALSE(asked);
    Free();
    CHECK(asked);
    CHECK(claimed.code() == status::kSuccess);
    CHECK(card().verified.empty());
    CHECK(connection->state() == State::kHeld);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "Claim resets a card that has none of the wanted protocols, in its transaction") {
    card().offered = kT0OrT1;
    const ConnectParameters either{"A", ShareMode::kShared, kT0OrT1};
    const auto claim = [&](const std::shared_ptr<Connection>& connection, Protocols wanted) {
      Given<Connection::Claimed> claimed;
      connection->Claim(
          Shared(either), wanted, [] { return false; }, claimed.Take());
      Run();
      return claimed;
    };
    const auto connection = Make();
    CHECK(claim(connection, kT0OrT1).value().protocol == kT1);
    REQUIRE(End(*connection, Disposition::kLeave) == status::kSuccess);
    const int resets = card().resets;
    card().verified = "anna";
    const auto other = Make();
    CHECK(claim(other, kT1).value().protocol == kT1);
    REQUIRE(End(*other, Disposition::kLeave) == status::kSuccess);
    CHECK(card().resets == resets);
    CHECK(claim(other, kT0).value().protocol == kT0);
    CHECK(card().resets == resets + 1);
    CHECK(card().verified.empty());
    REQUIRE(End(*other, Disposition::kLeave) == status::kSuccess);
    // The first handle learns of the reset, and then has the card as it is now.
    CHECK(claim(connection, kT0OrT1).code() == status::kResetCard);
    CHECK(claim(connection, kT0OrT1).value().protocol == kT0);
    REQUIRE(End(*connection, Disposition::kLeave) == status::kSuccess);
    SUBCASE("and fails if the card does not offer it") {
      card().offered = kT0;
      const Given<Connection::Claimed> claimed = claim(connection, kT1);
      CHECK(claimed.code() == status::kProtoMismatch);
      CHECK(card().transaction == nullptr);
      CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    }
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a Claim that fails at any step ends its transaction") {
    const auto connection = MakeOpen();
    Given<Connection::Claimed> claimed;
    SUBCASE("at the status") {
      world.FailNext("status", status::kCommError);
      connection->Claim(
          Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
    }
    SUBCASE("at the reset") {
      world.FailNext("reconnect", status::kCommError);
      connection->Claim(
          Shared(A()), kT0OrT1, [] { return true; }, claimed.Take());
    }
    SUBCASE("even if the end fails as well") {
      world.FailNext("status", status::kCommError);
      world.FailNext("end", status::kCommError);
      connection->Claim(
          Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
    }
    Run();
    CHECK(claimed.code() == status::kCommError);
    CHECK(card().transaction == nullptr);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "Claim reports another program's reset as an error and hides its own") {
    const auto connection = MakeOpen();
    Given<Connection::Claimed> claimed;
    SUBCASE("another program's") {
      world.ResetByAnother("A");
      connection->Claim(
          Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
      Run();
      CHECK(claimed.code() == status::kResetCard);
    }
    SUBCASE("its own") {
      REQUIRE(Begin(*connection) == status::kSuccess);
      REQUIRE(End(*connection, Disposition::kReset) == status::kSuccess);
      connection->Claim(
          Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
      Run();
      CHECK(claimed.code() == status::kSuccess);
    }
  }
}
