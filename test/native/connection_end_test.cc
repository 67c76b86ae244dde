// How a connection ends: closed, dropped, or with its scope.
#include <doctest/doctest.h>

#include "connection_fixture.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using State = Connection::State;

namespace {

// Counts the calls of `closed`.
struct Closed {
  int times = 0;
  std::function<void()> Take() {
    return [this] { ++times; };
  }
};

class ReentrancyFixture : public ConnectionFixture {
 protected:
  void CheckWithin(bool lost) {
    auto connection = MakeOpen();
    card().verified = "anna";
    world.Stick("status", !lost);
    Closed first;
    Closed second;
    Given<Bytes> behind;
    Connection::Handle operation;
    SUBCASE("closing within a cancelled answer") {
      operation = connection->GetStatus([&](const Result<CardStatus>& status) {
        CHECK(status.code() == status::kCancelled);
        connection->Close(Disposition::kReset, first.Take());
      });
      connection->Transmit(Sign(), behind.Take());
      Run();
      operation->Cancel();
    }
    SUBCASE("dropping within a cancelled answer") {
      operation = connection->GetStatus([&](const Result<CardStatus>&) {
        connection = nullptr;
        ++first.times;
      });
      connection->Transmit(Sign(), behind.Take());
      Run();
      operation->Cancel();
      card().verified.clear();
    }
    SUBCASE("closing again within Close") {
      connection->GetStatus(
          [&](const Result<CardStatus>&) { connection->Close(Disposition::kLeave, second.Take()); });
      connection->Transmit(Sign(), behind.Take());
      Run();
      connection->Close(Disposition::kReset, first.Take());
      CHECK(second.times == 1);
    }
    SUBCASE("ending the scope within Close") {
      connection->GetStatus([&](const Result<CardStatus>&) { scope->End(); });
      connection->Transmit(Sign(), behind.Take());
      Run();
      connection->Close(Disposition::kReset, first.Take());
    }
    SUBCASE("starting more operations within Close") {
      Given<CardStatus> late;
      connection->GetStatus([&](const Result<CardStatus>&) { connection->GetStatus(late.Take()); });
      connection->Transmit(Sign(), behind.Take());
      Run();
      connection->Close(Disposition::kReset, first.Take());
      CHECK(late.code() == status::kClosed);
    }
    world.Unstick("status");
    Run();
    CHECK(first.times == 1);
    CHECK(behind.come());
    CHECK((lost || card().verified.empty()));
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }
};

}  // namespace

TEST_SUITE("connection: end") {
  TEST_CASE_FIXTURE(ConnectionFixture, "Close of an idle connection") {
    const auto connection = MakeOpen();
    card().verified = "anna";
    world.TakeLog();
    Closed closed;
    SUBCASE("leaves the card as it is") {
      connection->Close(Disposition::kLeave, closed.Take());
      Run();
      CHECK(world.TakeLog() == "retire leave");
      CHECK(card().verified == "anna");
    }
    SUBCASE("or resets it, and completes when that is done") {
      connection->Close(Disposition::kReset, closed.Take());
      CHECK(closed.times == 0);
      Run();
      CHECK(world.TakeLog() == "disconnect reset, retire leave");
      CHECK(card().verified.empty());
    }
    CHECK(closed.times == 1);
    CHECK(connection->state() == State::kEnded);
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "Close without a handle is done at once") {
    Closed closed;
    Make()->Close(Disposition::kReset, closed.Take());
    CHECK(closed.times == 1);
    Make()->Close(Disposition::kReset);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "Close in a transaction ends the transaction") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    Closed closed;
    SUBCASE("with a reset if the card was used") {
      REQUIRE(Transmit(*connection, Verify("anna")).ok());
      connection->Close(Disposition::kLeave, closed.Take());
    }
    SUBCASE("with a reset if that is requested") {
      card().verified = "anna";
      connection->Close(Disposition::kReset, closed.Take());
    }
    // The next one in the queue gets the turn when the card has been released.
    CHECK(ReaderQueue::OfProcess().IsTaken("A"));
    Run();
    CHECK(closed.times == 1);
    CHECK(card().verified.empty());
    CHECK(card().transaction == nullptr);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "Close answers all operations, also later ones") {
    const auto connection = MakeOpen();
    world.Stick("status", true);
    Given<CardStatus> current;
    Given<Bytes> waiting;
    connection->GetStatus(current.Take());
    connection->Transmit(Sign(), waiting.Take());
    Run();
    connection->Close(Disposition::kLeave);
    CHECK(current.code() == status::kCancelled);
    CHECK(waiting.code() == status::kCancelled);
    Given<Bytes> late;
    connection->Transmit(Sign(), late.Take())->Cancel();
    CHECK(late.code() == status::kClosed);
    Closed again;
    connection->Close(Disposition::kReset, again.Take());
    CHECK(again.times == 1);
    Run();
    CHECK(world.TakeLog() == "connect A, retire leave");
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a Close that has to wait reports that at once and carries its disposition out later") {
    const auto connection = MakeOpen();
    const auto other = MakeOpen();
    card().verified = "anna";
    Closed closed;
    SUBCASE("for another transaction of this process") {
      REQUIRE(Begin(*other) == status::kSuccess);
      connection->Close(Disposition::kReset, closed.Take());
      CHECK(closed.times == 1);
      CHECK(card().verified == "anna");
      REQUIRE(End(*other, Disposition::kLeave) == status::kSuccess);
    }
    SUBCASE("for another process") {
      Hold();
      connection->Close(Disposition::kReset, closed.Take());
      Run();
      CHECK(closed.times == 1);
      CHECK(card().verified == "anna");
      Free();
    }
    SUBCASE("for a stuck call") {
      world.Stick("transmit");
      Given<Bytes> sent;
      connection->Transmit(Sign(), sent.Take());
      Run();
      connection->Close(Disposition::kReset, closed.Take());
      CHECK(closed.times == 1);
      CHECK(sent.code() == status::kCancelled);
      world.Unstick("transmit");
    }
    Run();
    CHECK(closed.times == 1);
    CHECK(card().verified.empty());
    CHECK(world.contexts() == 1);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a Close in a service that hangs completes after a second") {
    auto connection = MakeOpen();
    card().verified = "anna";
    Closed closed;
    SUBCASE("at the disconnect") {}
    SUBCASE("at the end of a transaction, and the next one in the queue gets the turn") {
      REQUIRE(Begin(*connection) == status::kSuccess);
    }
    const bool held = connection->in_transaction();
    world.Hang();
    const auto start = std::chrono::steady_clock::now();
    connection->Close(Disposition::kReset, closed.Take());
    connection = nullptr;
    REQUIRE(RunUntil([&] { return closed.times > 0; }));
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(1000));
    CHECK(ReaderQueue::OfProcess().IsTaken("A") == !held);
    // A reset that is not confirmed does not count.
    users->Note("A", kBert);
    world.GoOn();
    Run();
    CHECK(closed.times == 1);
    CHECK(card().verified.empty());
    CHECK(world.contexts() == 0);
    CHECK(users->MustReset("A", Guarded(kAnna)) == held);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a connection that is dropped") {
    auto connection = MakeOpen();
    world.TakeLog();
    SUBCASE("leaves an idle card as it is") {
      connection = nullptr;
      CHECK(world.TakeLog() == "retire leave");
    }
    SUBCASE("resets one that it used in a transaction") {
      REQUIRE(Begin(*connection) == status::kSuccess);
      REQUIRE(Transmit(*connection, Verify("anna")).ok());
      connection = nullptr;
      CHECK(world.TakeLog() == "begin, transmit 0020, retire reset");
    }
    SUBCASE("carries out a reset that is owed to an idle card") {
      connection = MakeOpen({}, [] { return Disposition::kUnpower; });
      world.TakeLog();
      connection = nullptr;
      CHECK(world.TakeLog() == "retire unpower");
    }
    SUBCASE("answers its operations") {
      world.Stick("status");
      Given<CardStatus> current;
      Given<Bytes> waiting;
      connection->GetStatus(current.Take());
      const auto operation = connection->Transmit(Sign(), waiting.Take());
      Run();
      connection = nullptr;
      CHECK(current.code() == status::kClosed);
      CHECK(waiting.code() == status::kClosed);
      operation->Cancel();
      world.Unstick("status");
    }
    Run();
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "the end of the scope ends a connection in each phase") {
    const auto connection = MakeOpen({}, [] { return Disposition::kUnpower; });
    const auto other = MakeOpen();
    card().verified = "anna";
    world.TakeLog();
    std::string left = "retire unpower";
    Given<CardStatus> status;
    Given<Bytes> waiting;
    Given<Done> done;
    SUBCASE("idle") {}
    SUBCASE("in a call, with another operation behind it") {
      world.Stick("status");
      connection->GetStatus(status.Take());
      connection->Transmit(Sign(), waiting.Take());
      Run();
    }
    SUBCASE("in a transaction in which nothing was sent") {
      REQUIRE(Begin(*connection) == status::kSuccess);
      world.TakeLog();
      left = "retire leave";
    }
    SUBCASE("in a transaction in which a command was sent") {
      REQUIRE(Begin(*connection) == status::kSuccess);
      REQUIRE(Transmit(*connection, Sign()).ok());
      world.TakeLog();
      left = "retire reset";
    }
    SUBCASE("waiting for its turn") {
      REQUIRE(Begin(*other) == status::kSuccess);
      world.TakeLog();
      connection->Transmit(Sign(), waiting.Take());
      Run();
    }
    SUBCASE("in a disconnect, whose disposition is carried out") {
      world.Stick("disconnect");
      connection->Disconnect(Disposition::kReset, done.Take());
      Run();
      left = "retire reset";
    }
    SUBCASE("at the end of a transaction, whose disposition is carried out") {
      REQUIRE(Begin(*connection) == status::kSuccess);
      world.TakeLog();
      world.Stick("end");
      connection->End(Disposition::kEject, done.Take());
      Run();
      left = "retire eject";
    }
    scope->End();
    scope->End();
    CHECK(world.TakeLog().find(left) != std::string::npos);
    CHECK(connection->state() == State::kEnded);
    for (const bool come : {!status.come() || status.code() == status::kClosed,
                            !waiting.come() || waiting.code() == status::kClosed,
                            !done.come() || done.code() == status::kClosed}) {
      CHECK(come);
    }
    Given<CardStatus> late;
    connection->GetStatus(late.Take());
    CHECK(late.code() == status::kClosed);
    CHECK(Make()->ended());
    for (const char* call : {"status", "disconnect", "end"}) world.Unstick(call);
    Run();
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    CHECK(world.contexts() == 0);
    // Only the transaction in which nothing was sent might leave the PIN; the service resets it in any case.
    CHECK(card().verified.empty());
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "the end of the scope in the middle of a Close") {
    const auto connection = MakeOpen();
    const auto other = MakeOpen();
    card().verified = "anna";
    Closed closed;
    SUBCASE("that waits for its turn") {
      REQUIRE(Begin(*other) == status::kSuccess);
      connection->Close(Disposition::kReset, closed.Take());
      REQUIRE(closed.times == 1);
    }
    SUBCASE("that is at the disconnect") {
      world.Stick("disconnect");
      connection->Close(Disposition::kReset, closed.Take());
      Run();
      REQUIRE(closed.times == 0);
    }
    SUBCASE("that is at the end of a transaction") {
      REQUIRE(Begin(*connection) == status::kSuccess);
      connection->Close(Disposition::kReset, closed.Take());
      REQUIRE(closed.times == 0);
    }
    scope->End();
    CHECK(closed.times == 1);
    world.Unstick("disconnect");
    Run();
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    CHECK(closed.times == 1);
    CHECK(card().verified.empty());
    CHECK(world.contexts() == 0);
  }

  TEST_CASE("a loop that ends destroys nothing that its clients still need") {
    auto loop = Loop::Create();
    auto world = std::make_unique<StandInBackend>(loop);
    world->reader("A");
    auto scope = std::make_shared<Scope>(loop);
    auto connection =
        Connection::Create({scope, backend::Always(*world), std::make_shared<CardUsers>(), {}, nullptr});
    connection->Connect(ConnectionFixture::A(), [](const Result<Protocols>&) {});
    connection->Begin(OnReset::kFail, [](const Result<BeginOutcome>&) {});
    loop->RunDue();
    REQUIRE(connection->in_transaction());
    connection->Close(Disposition::kReset);
    scope->End();
    scope = nullptr;
    connection = nullptr;
    loop->End();
    loop = nullptr;
    // The client's `released` is destroyed last, as on a thread of the library backend.
    world = nullptr;
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }

  // --- Answers that call back ---

  TEST_CASE_FIXTURE(ConnectionFixture, "an answer may start more operations, close, drop or end everything") {
    auto connection = MakeOpen();
    Given<CardStatus> behind;
    int answers = 0;
    Closed closed;
    SUBCASE("start more") {
      connection->GetStatus([&](const Result<CardStatus>&) {
        ++answers;
        connection->GetStatus([&](const Result<CardStatus>&) { ++answers; });
      });
      connection->GetStatus(behind.Take());
      Run();
      CHECK(answers == 2);
      CHECK(behind.code() == status::kSuccess);
    }
    SUBCASE("close") {
      connection->GetStatus([&](const Result<CardStatus>&) {
        ++answers;
        connection->Close(Disposition::kReset, closed.Take());
      });
      connection->GetStatus(behind.Take());
      Run();
      CHECK(closed.times == 1);
      CHECK(behind.code() == status::kCancelled);
    }
    SUBCASE("drop") {
      connection->GetStatus([&](const Result<CardStatus>&) {
        ++answers;
        connection = nullptr;
      });
      connection->GetStatus(behind.Take());
      Run();
      // Earlier operations are still carried out.
      CHECK(behind.come());
    }
    SUBCASE("end the scope") {
      connection->GetStatus([&](const Result<CardStatus>&) {
        ++answers;
        scope->End();
      });
      connection->GetStatus(behind.Take());
      Run();
      CHECK(behind.code() == status::kClosed);
    }
    SUBCASE("cancel the next one") {
      Connection::Handle next;
      connection->GetStatus([&](const Result<CardStatus>&) {
        ++answers;
        next->Cancel();
      });
      next = connection->GetStatus(behind.Take());
      Run();
      CHECK(behind.code() == status::kCancelled);
    }
    CHECK(answers > 0);
  }

  TEST_CASE_FIXTURE(ReentrancyFixture,
                    "the answer of an operation that is cancelled or closed may do the same") {
    CheckWithin(false);
  }

  TEST_CASE_FIXTURE(ReentrancyFixture, "the answer of an operation whose call is lost may do the same") {
    CheckWithin(true);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "`closed` may drop the connection, create a new one or end the scope") {
    auto connection = MakeOpen();
    int closed = 0;
    SUBCASE("drop") {
      connection->Close(Disposition::kReset, [&] {
        ++closed;
        connection = nullptr;
      });
    }
    SUBCASE("a new one") {
      connection->Close(Disposition::kReset, [&] {
        ++closed;
        connection = Make();
        connection->Connect(A(), [&](const Result<Protocols>& connected) { CHECK(connected.ok()); });
      });
    }
    SUBCASE("scope") {
      connection->Close(Disposition::kReset, [&] {
        ++closed;
        scope->End();
      });
    }
    SUBCASE("the scope, after a report that it waits") {
      Hold();
      connection->Close(Disposition::kReset, [&] {
        ++closed;
        connection = nullptr;
        scope->End();
      });
      Run();
      Free();
    }
    Run();
    CHECK(closed == 1);
  }
}
