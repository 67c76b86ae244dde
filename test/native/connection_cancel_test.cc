// Operations that are cancelled, in each of their phases.
#include <doctest/doctest.h>

#include "connection_fixture.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using State = Connection::State;

TEST_SUITE("connection: cancel") {
  TEST_CASE_FIXTURE(ConnectionFixture,
                    "an operation cancelled in the queue leaves it, and the others continue") {
    const auto connection = MakeOpen();
    world.Stick("status");
    Given<CardStatus> status;
    Given<Bytes> given_up;
    Given<Bytes> sent;
    connection->GetStatus(status.Take());
    const auto operation = connection->Transmit(Verify("anna"), given_up.Take());
    connection->Transmit(Sign(), sent.Take());
    Run();
    operation->Cancel();
    CHECK(given_up.code() == status::kCancelled);
    operation->Cancel();
    world.Unstick("status");
    Run();
    CHECK(status.code() == status::kSuccess);
    CHECK(sent.value() == Bytes{0x69, 0x82});
    operation->Cancel();
    CHECK(world.TakeLog() == "connect A, status, transmit 002a");
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "an operation cancelled while it waits for its turn never reaches the card") {
    const auto holder = MakeOpen();
    const auto connection = MakeOpen();
    REQUIRE(Begin(*holder) == status::kSuccess);
    world.TakeLog();
    Given<Bytes> given_up;
    Given<CardStatus> status;
    const auto operation = connection->Transmit(Verify("anna"), given_up.Take());
    connection->GetStatus(status.Take());
    Run();
    CHECK(ReaderQueue::OfProcess().Waiting("A") == 1);
    SUBCASE("cancelled in the queue") {
      operation->Cancel();
      CHECK(given_up.code() == status::kCancelled);
      REQUIRE(End(*holder, Disposition::kLeave) == status::kSuccess);
    }
    SUBCASE("cancelled while the turn is on its way") {
      bool ended = false;
      holder->End(Disposition::kLeave, [&](const Result<Done>&) {
        ended = true;
        operation->Cancel();
      });
      Run();
      CHECK(ended);
      CHECK(given_up.code() == status::kCancelled);
    }
    Run();
    CHECK(status.code() == status::kSuccess);
    CHECK(world.TakeLog() == "end leave, status");
    CHECK(connection->state() == State::kOpen);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a call cancelled while it waits for another process leaves no trace") {
    const auto connection = MakeOpen();
    Hold();
    Given<BeginOutcome> begun;
    const auto operation = connection->Begin(OnReset::kFail, begun.Take());
    Run();
    operation->Cancel();
    CHECK(begun.code() == status::kCancelled);
    CHECK(connection->state() == State::kOpen);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    Free();
    CHECK(card().transaction == nullptr);
    CHECK(Begin(*connection) == status::kSuccess);
    CHECK(world.TakeLog() == "connect A, begin");
  }

  TEST_CASE_FIXTURE(
      ConnectionFixture,
      "a stuck call that is cancelled invalidates the connection, and queued operations are rejected") {
    const auto connection = MakeOpen();
    world.Stick("transmit");
    Given<Bytes> given_up;
    Given<CardStatus> behind;
    const auto operation = connection->Transmit(Sign(), given_up.Take());
    connection->GetStatus(behind.Take());
    Run();
    operation->Cancel();
    CHECK(given_up.code() == status::kCancelled);
    CHECK(behind.code() == status::kAbandoned);
    CHECK(connection->state() == State::kAbandoned);
    CHECK(connection->ended());
    // The reader is free for a new connection.
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    Given<CardStatus> later;
    connection->GetStatus(later.Take());
    CHECK(later.code() == status::kAbandoned);
    int closed = 0;
    connection->Close(Disposition::kReset, [&] { ++closed; });
    CHECK(closed == 1);
    const auto next = MakeOpen();
    CHECK(Begin(*next) == status::kSuccess);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a transaction whose command is stuck ends with a reset") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    REQUIRE(Transmit(*connection, Verify("anna")).ok());
    world.Stick("transmit");
    Given<Bytes> given_up;
    const auto operation = connection->Transmit(Sign(), given_up.Take());
    Run();
    operation->Cancel();
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    world.Unstick("transmit");
    Run();
    CHECK(card().verified.empty());
    CHECK(card().transaction == nullptr);
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a command that is cancelled but not lost leaves its transaction open") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    world.Stick("transmit", true);
    Given<Bytes> given_up;
    const auto operation = connection->Transmit(Sign(), given_up.Take());
    Run();
    operation->Cancel();
    world.Unstick("transmit");
    CHECK(given_up.code() == status::kCancelled);
    CHECK(connection->in_transaction());
    CHECK(Transmit(*connection, Sign()).ok());
    CHECK(End(*connection, Disposition::kLeave) == status::kSuccess);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a cancelled operation is carried out later, with its disposition") {
    const auto connection = MakeOpen();
    card().verified = "anna";
    Given<Done> given_up;
    SUBCASE("a disconnect") {
      world.Stick("disconnect");
      const auto operation = connection->Disconnect(Disposition::kReset, given_up.Take());
      Run();
      operation->Cancel();
      world.Unstick("disconnect");
    }
    SUBCASE("a disconnect that waits for another process") {
      Hold();
      const auto operation = connection->Disconnect(Disposition::kReset, given_up.Take());
      Run();
      operation->Cancel();
      CHECK(card().verified == "anna");
      Free();
    }
    SUBCASE("the end of a transaction") {
      REQUIRE(Begin(*connection) == status::kSuccess);
      world.Stick("end");
      const auto operation = connection->End(Disposition::kReset, given_up.Take());
      Run();
      operation->Cancel();
      world.Unstick("end");
    }
    CHECK(given_up.code() == status::kCancelled);
    Run();
    CHECK(card().verified.empty());
    CHECK(world.contexts() == 0);
  }

  // --- Connect ---

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a stuck connect keeps the turn until it ends: at most one per reader is stuck") {
    Hold();
    for (int i = 0; i < 230; ++i) {
      const auto connection = Make();
      Given<Protocols> given_up;
      const auto operation = connection->Connect(A(), given_up.Take());
      Run();
      operation->Cancel();
      CHECK(given_up.code() == status::kCancelled);
    }
    CHECK(world.clients() == 1);
    CHECK(world.contexts() == 1);
    const auto connection = Make();
    Given<Protocols> connected;
    connection->Connect(A(), connected.Take());
    Run();
    CHECK_FALSE(connected.come());
    Free();
    CHECK(connected.code() == status::kSuccess);
    CHECK(world.clients() == 2);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "so it does if its connection is dropped, closed or ends with its scope") {
    Hold();
    auto connection = Make();
    Given<Protocols> given_up;
    connection->Connect(A(), given_up.Take());
    Run();
    SUBCASE("dropped") {
      connection = nullptr;
      CHECK(given_up.code() == status::kClosed);
    }
    SUBCASE("closed") {
      bool closed = false;
      connection->Close(Disposition::kReset, [&] { closed = true; });
      CHECK(closed);
      CHECK(given_up.code() == status::kCancelled);
    }
    SUBCASE("scope ended") {
      scope->End();
      CHECK(given_up.code() == status::kClosed);
    }
    CHECK(ReaderQueue::OfProcess().IsTaken("A"));
    Free();
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a connect cancelled in the pause for an exclusive holder releases its context") {
    world.Change("A", [](StandInBackend::Reader& reader) { reader.foreign_exclusive = true; });
    const auto connection = Make();
    ConnectParameters patient = A();
    patient.waits_for_exclusive = true;
    Given<Protocols> given_up;
    const auto operation = connection->Connect(patient, given_up.Take());
    REQUIRE(RunUntil([&] { return !ReaderQueue::OfProcess().IsTaken("A"); }));
    SUBCASE("by Cancel") {
      operation->Cancel();
      CHECK(given_up.code() == status::kCancelled);
      CHECK(connection->state() == State::kClosed);
    }
    SUBCASE("by Close") {
      int closed = 0;
      connection->Close(Disposition::kLeave, [&] { ++closed; });
      CHECK(closed == 1);
      CHECK(given_up.code() == status::kCancelled);
    }
    SUBCASE("by the end of the scope") {
      scope->End();
      CHECK(given_up.code() == status::kClosed);
    }
    Run();
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a connect that waits for its turn leaves the old handle in place") {
    world.reader("B");
    const auto connection = MakeOpen();
    const auto holder = Make();
    Given<Connection::Claimed> claimed;
    holder->Claim(
        Shared({"B", ShareMode::kShared, kT1, false}), kT0OrT1, [] { return false; }, claimed.Take());
    Run();
    REQUIRE(claimed.code() == status::kSuccess);
    Given<Protocols> given_up;
    const auto operation = connection->Connect({"B", ShareMode::kShared, kT1, false}, given_up.Take());
    Run();
    operation->Cancel();
    CHECK(connection->state() == State::kOpen);
    CHECK(Transmit(*connection, Sign()).ok());
  }

  // --- Operations of several steps, cancelled between them ---

  TEST_CASE_FIXTURE(ConnectionFixture, "a begin that is cancelled once it has begun ends its transaction") {
    const auto connection = MakeOpen(Guarded(kAnna));
    users->Note("A", kBert);
    world.Stick("reconnect", true);
    Given<BeginOutcome> begun;
    const auto operation = connection->Begin(OnReset::kFail, begun.Take());
    Run();
    CHECK(connection->in_transaction());
    Given<CardStatus> behind;
    connection->GetStatus(behind.Take());
    operation->Cancel();
    CHECK(begun.code() == status::kCancelled);
    world.Unstick("reconnect");
    Run();
    CHECK_FALSE(connection->in_transaction());
    CHECK(card().transaction == nullptr);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    CHECK(behind.code() == status::kSuccess);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a Claim that is cancelled at its second step ends its transaction") {
    Given<Connection::Claimed> claimed;
    world.Stick("status", true);
    SUBCASE("and keeps an existing handle") {
      const auto connection = MakeOpen();
      const auto operation = connection->Claim(
          Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
      Run();
      REQUIRE(connection->in_transaction());
      operation->Cancel();
      Run();
      CHECK(connection->state() == State::kStale);
    }
    SUBCASE("and closes a handle that it opened") {
      const auto connection = Make();
      const auto operation = connection->Claim(
          Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
      Run();
      REQUIRE(connection->in_transaction());
      operation->Cancel();
      Run();
      CHECK(connection->state() == State::kClosed);
      CHECK(world.contexts() == 0);
    }
    CHECK(claimed.code() == status::kCancelled);
    CHECK(card().transaction == nullptr);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a connect that is cancelled while its card is reset leaves nothing") {
    users->Note("A", kBert);
    world.Stick("reconnect", true);
    const auto connection = Make(Guarded(kAnna));
    Given<Protocols> connected;
    const auto operation = connection->Connect(A(), connected.Take());
    Run();
    operation->Cancel();
    CHECK(connected.code() == status::kCancelled);
    CHECK(connection->state() == State::kClosed);
    Run();
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "Cancel may be called from another thread") {
    const auto connection = MakeOpen();
    world.Stick("status");
    Given<CardStatus> status;
    const auto operation = connection->GetStatus(status.Take());
    Run();
    std::thread([operation] { operation->Cancel(); }).join();
    CHECK_FALSE(status.come());
    Run();
    CHECK(status.code() == status::kCancelled);
  }
}
