// Whose PIN may be verified on a card when a connection gets it.
#include <doctest/doctest.h>

#include "connection_fixture.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using State = Connection::State;

TEST_SUITE("connection: owner") {
  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a begin resets a card that another identity used last, and does so once") {
    const auto anna = MakeOpen(Guarded(kAnna, true));
    const auto bert = MakeOpen(Guarded(kBert, true));
    REQUIRE(Begin(*anna) == status::kSuccess);
    REQUIRE(Transmit(*anna, Verify("anna")).ok());
    REQUIRE(End(*anna, Disposition::kLeave) == status::kSuccess);
    CHECK(card().verified == "anna");
    world.TakeLog();
    REQUIRE(Begin(*bert) == status::kSuccess);
    CHECK(world.TakeLog() == "begin, reconnect leave, begin, reconnect reset");
    CHECK(Transmit(*bert, Sign()).value() == Bytes{0x69, 0x82});
    REQUIRE(End(*bert, Disposition::kLeave) == status::kSuccess);
    world.TakeLog();
    REQUIRE(Begin(*bert) == status::kSuccess);
    CHECK(world.TakeLog() == "begin");
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a connect and a reconnect do so, too") {
    const auto anna = MakeOpen(Guarded(kAnna, true));
    REQUIRE(Transmit(*anna, Verify("anna")).ok());
    world.TakeLog();
    const auto bert = MakeOpen(Guarded(kBert, true));
    CHECK(world.TakeLog() == "connect A, reconnect reset");
    REQUIRE(Transmit(*bert, Verify("bert")).ok());
    // Bert's reset is a foreign one for Anna's handle, and her reconnect does not give her Bert's card.
    CHECK(Transmit(*anna, Sign()).code() == status::kResetCard);
    Given<Protocols> reconnected;
    anna->Reconnect(ShareMode::kShared, kT1, Disposition::kLeave, reconnected.Take());
    Run();
    CHECK(reconnected.code() == status::kSuccess);
    CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "an unknown last user counts as another identity, unless the owner trusts it") {
    card().verified = "a process that was killed";
    SUBCASE("by default") {
      const auto anna = MakeOpen(Guarded(kAnna));
      CHECK(world.TakeLog() == "connect A, reconnect reset");
    }
    SUBCASE("trusting") {
      const auto anna = MakeOpen(Guarded(kAnna, true));
      CHECK(world.TakeLog() == "connect A");
    }
    SUBCASE("unguarded") {
      const auto anna = MakeOpen(CardOwner{kAnna, false, false});
      CHECK(world.TakeLog() == "connect A");
    }
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "an unguarded owner never resets, and is recorded as the last user") {
    const auto anna = MakeOpen(CardOwner{kAnna, false, false});
    REQUIRE(Transmit(*anna, Verify("anna")).ok());
    const auto bert = MakeOpen(CardOwner{kBert, false, false});
    REQUIRE(Begin(*bert) == status::kSuccess);
    CHECK(SignedBy(*Transmit(*bert, Sign())) == "anna");
    REQUIRE(End(*bert, Disposition::kLeave) == status::kSuccess);
    world.TakeLog();
    const auto guarded = MakeOpen(Guarded(kAnna));
    CHECK(world.TakeLog() == "connect A, reconnect reset");
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "two sessions with unknown connect times are different sessions") {
    const auto anna = MakeOpen(Guarded({5, 0, NewSessionInstance()}, true));
    REQUIRE(Transmit(*anna, Verify("anna")).ok());
    const auto bert = MakeOpen(Guarded({5, 0, NewSessionInstance()}, true));
    CHECK(Transmit(*bert, Sign()).value() == Bytes{0x69, 0x82});
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a card that was reset is handed to the next owner without another reset") {
    const auto anna = MakeOpen(Guarded(kAnna, true));
    REQUIRE(Begin(*anna) == status::kSuccess);
    REQUIRE(Transmit(*anna, Verify("anna")).ok());
    SUBCASE("by the end of a transaction") {
      REQUIRE(End(*anna, Disposition::kReset) == status::kSuccess);
    }
    SUBCASE("by Close in the transaction") {
      anna->Close(Disposition::kReset);
      Run();
    }
    SUBCASE("by Close afterwards") {
      REQUIRE(End(*anna, Disposition::kLeave) == status::kSuccess);
      anna->Close(Disposition::kReset);
      Run();
    }
    SUBCASE("by a disconnect") {
      Given<Done> disconnected;
      anna->Disconnect(Disposition::kReset, disconnected.Take());
      Run();
      REQUIRE(disconnected.code() == status::kSuccess);
    }
    CHECK(card().resets == 1);
    const auto bert = MakeOpen(Guarded(kBert));
    CHECK(card().resets == 1);
    CHECK(Transmit(*bert, Sign()).value() == Bytes{0x69, 0x82});
  }

  // --- A repaired handle must not give access to another owner's card ---

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a handle that our own reset has invalidated gives no access to another owner's PIN") {
    const auto anna = MakeOpen(Guarded(kAnna));
    REQUIRE(Begin(*anna) == status::kSuccess);
    REQUIRE(End(*anna, Disposition::kReset) == status::kSuccess);
    const auto bert = MakeOpen(Guarded(kBert));
    REQUIRE(Transmit(*bert, Verify("bert")).ok());
    SUBCASE("at a transmit") {
      CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
    }
    SUBCASE("at an exchange") {
      Given<Bytes> signature;
      anna->Exchange(pcsc_bridge::Exchange({Sign()}, 0), signature.Take());
      Run();
      CHECK(signature.value() == Bytes{0x69, 0x82});
    }
    SUBCASE("at a transmit after a begin whose hand-over failed") {
      world.FailNext("reconnect", status::kCommError);  // the repair
      CHECK(Begin(*anna) == status::kCommError);
      CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
    }
    SUBCASE("at a transmit after a begin that was refused") {
      world.FailNext("begin", status::kCommError);
      CHECK(Begin(*anna) == status::kCommError);
      CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
    }
    SUBCASE("nor if the reset fails: then the command is not sent") {
      world.TakeLog();
      Given<Bytes> signature;
      anna->Transmit(Sign(), signature.Take());
      // The second reconnect is the reset.
      world.FailNext("reconnect", status::kSuccess);
      world.FailAll("reconnect", status::kCommError);
      Run();
      CHECK(signature.code() == status::kCommError);
      world.FailAll("reconnect", status::kSuccess);
      CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
    }
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "nor does one that a begin has reconnected before it was cancelled or failed") {
    const auto anna = MakeOpen(Guarded(kAnna));
    const auto bert = MakeOpen(Guarded(kBert));  // resets: foreign to Anna's handle
    REQUIRE(Transmit(*bert, Verify("bert")).ok());
    Given<BeginOutcome> begun;
    SUBCASE("cancelled") {
      const auto operation = anna->Begin(OnReset::kReconnect, begun.Take());
      world.on_call = [&](const std::string& call) {
        if (call == "reconnect leave") world.Stick("begin", true);
      };
      Run();
      operation->Cancel();
      world.Unstick("begin");
    }
    SUBCASE("failed") {
      world.FailNext("begin", status::kResetCard);
      world.FailNext("begin", status::kCommError);
      anna->Begin(OnReset::kReconnect, begun.Take());
    }
    Run();
    CHECK(begun.code() != status::kSuccess);
    CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "nor does one whose reconnect could not reset the card") {
    const auto anna = MakeOpen(Guarded(kAnna));
    const auto bert = MakeOpen(Guarded(kBert));
    REQUIRE(Transmit(*bert, Verify("bert")).ok());
    Given<Protocols> reconnected;
    world.FailNext("reconnect", status::kSuccess);
    world.FailNext("reconnect", status::kCommError);
    anna->Reconnect(ShareMode::kShared, kT1, Disposition::kLeave, reconnected.Take());
    Run();
    CHECK(reconnected.code() == status::kCommError);
    CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "nor does one whose begin could not reset the card") {
    const auto anna = MakeOpen(Guarded(kAnna, true));
    users->Note("A", kBert);
    card().verified = "bert";
    world.FailNext("reconnect", status::kCommError);
    CHECK(Begin(*anna) == status::kCommError);
    CHECK_FALSE(anna->in_transaction());
    CHECK(card().transaction == nullptr);
    CHECK(Transmit(*anna, Sign()).value() == Bytes{0x69, 0x82});
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a connect that cannot reset the card fails and disconnects") {
    users->Note("A", kBert);
    card().verified = "bert";
    world.FailNext("reconnect", status::kCommError);
    const auto anna = Make(Guarded(kAnna));
    Given<Protocols> connected;
    anna->Connect(A(), connected.Take());
    Run();
    CHECK(connected.code() == status::kCommError);
    CHECK(anna->state() == State::kClosed);
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a direct connection hands over no card; a shared one that it becomes does") {
    users->Note("A", kBert);
    card().verified = "bert";
    const auto anna = Make(Guarded(kAnna));
    Given<Protocols> connected;
    anna->Connect({"A", ShareMode::kDirect, 0, false}, connected.Take());
    Run();
    CHECK(connected.value() == 0);
    CHECK(card().verified == "bert");
    Given<Bytes> control;
    anna->Control(1, Apdu({}), control.Take());
    Run();
    CHECK(control.code() == status::kSuccess);
    CHECK(card().verified == "bert");
    Given<Protocols> reconnected;
    anna->Reconnect(ShareMode::kShared, kT1, Disposition::kLeave, reconnected.Take());
    Run();
    CHECK(reconnected.value() == kT1);
    CHECK(card().verified.empty());
  }
}
