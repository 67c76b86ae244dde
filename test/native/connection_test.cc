// The operations of a connection, and the calls that the service receives.
#include <doctest/doctest.h>

#include "connection_fixture.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using State = Connection::State;

TEST_SUITE("connection") {
  TEST_CASE_FIXTURE(ConnectionFixture, "connect, begin, transmit, end, disconnect") {
    const auto connection = MakeOpen();
    CHECK(connection->state() == State::kOpen);
    CHECK(connection->reader() == "A");
    Given<BeginOutcome> begun;
    connection->Begin(OnReset::kFail, begun.Take());
    Run();
    CHECK(begun.value().handle_works);
    CHECK_FALSE(begun.value().card_was_reset);
    CHECK_FALSE(begun.value().waited.any());
    CHECK(connection->state() == State::kHeld);
    CHECK(Transmit(*connection, Verify("anna")).ok());
    CHECK(connection->state() == State::kUsed);
    CHECK(SignedBy(*Transmit(*connection, Sign())) == "anna");
    CHECK(End(*connection, Disposition::kLeave) == status::kSuccess);
    CHECK(connection->state() == State::kOpen);
    Given<Done> disconnected;
    connection->Disconnect(Disposition::kLeave, disconnected.Take());
    Run();
    CHECK(disconnected.code() == status::kSuccess);
    CHECK(connection->state() == State::kClosed);
    CHECK(world.TakeLog() ==
          "connect A, begin, transmit 0020, transmit 002a, end leave, disconnect leave, retire leave");
    CHECK(card().verified == "anna");
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "the other operations, outside a transaction") {
    const auto connection = MakeOpen();
    Given<CardStatus> status;
    Given<Bytes> control;
    Given<Bytes> attribute;
    Given<Done> set;
    connection->GetStatus(status.Take());
    connection->Control(0x42000001, Apdu({}), control.Take());
    connection->GetAttribute(1, attribute.Take());
    connection->SetAttribute(1, {1}, set.Take());
    Run();
    CHECK(status.value().atr == Bytes{0x3b, 1});
    CHECK(control.code() == status::kSuccess);
    CHECK(attribute.code() == status::kSuccess);
    CHECK(set.code() == status::kSuccess);
    CHECK(Transmit(*connection, Sign()).value() == Bytes{0x69, 0x82});
    CHECK(world.TakeLog() == "connect A, status, control, get attribute, set attribute, transmit 002a");
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "without a handle, and outside or inside a transaction, an invalid operation fails") {
    const auto connection = Make();
    Given<Protocols> reconnected;
    Given<Done> disconnected;
    Given<CardStatus> status;
    connection->Reconnect(ShareMode::kShared, kT1, Disposition::kLeave, reconnected.Take());
    connection->Disconnect(Disposition::kReset, disconnected.Take());
    connection->GetStatus(status.Take());
    CHECK(reconnected.code() == status::kNotConnected);
    CHECK(disconnected.code() == status::kNotConnected);
    CHECK(status.code() == status::kNotConnected);
    CHECK(Begin(*connection) == status::kNotConnected);
    CHECK(End(*connection, Disposition::kLeave) == status::kNotConnected);
    CHECK(Transmit(*connection, Sign()).code() == status::kNotConnected);
    CHECK(world.clients() == 0);

    const auto open = MakeOpen();
    CHECK(End(*open, Disposition::kReset) == status::kNotTransacted);
    CHECK(Begin(*open) == status::kSuccess);
    CHECK(Transmit(*open, Verify("anna")).ok());
    CHECK(Begin(*open) == status::kInvalidParameter);
    CHECK(open->state() == State::kUsed);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "operations run one after another, in order") {
    const auto connection = Make();
    std::string order;
    connection->Connect(A(), [&](const Result<Protocols>&) { order += "connect "; });
    connection->Begin(OnReset::kFail, [&](const Result<BeginOutcome>&) { order += "begin "; });
    connection->Transmit(Sign(), [&](const Result<Bytes>&) { order += "transmit "; });
    connection->End(Disposition::kReset, [&](const Result<Done>&) { order += "end "; });
    connection->Disconnect(Disposition::kLeave, [&](const Result<Done>&) { order += "disconnect "; });
    CHECK(order.empty());
    Run();
    CHECK(order == "connect begin transmit end disconnect ");
    CHECK(world.TakeLog() == "connect A, begin, transmit 002a, end reset, disconnect leave, retire leave");
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "many operations that fail at once need no deep stack") {
    const auto connection = Make();
    int answers = 0;
    connection->Connect({"unknown", ShareMode::kShared, kT1, false}, [](const Result<Protocols>&) {});
    for (int i = 0; i < 100'000; ++i) {
      connection->GetStatus([&](const Result<CardStatus>& status) {
        CHECK(status.code() == status::kNotConnected);
        ++answers;
      });
    }
    Run();
    CHECK(answers == 100'000);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a connect that fails leaves nothing and names the reader") {
    const auto connection = Make();
    Given<Protocols> unknown;
    connection->Connect({"unknown", ShareMode::kShared, kT1, false}, unknown.Take());
    Run();
    CHECK(unknown.error().code == status::kUnknownReader);
    CHECK(unknown.error().reader == "unknown");
    CHECK(world.contexts() == 0);
    CHECK(connection->state() == State::kClosed);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("unknown"));
    Given<Protocols> again;
    connection->Connect(A(), again.Take());
    Run();
    CHECK(again.value() == kT1);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a source without a backend fails the connect") {
    const Error error{status::kLibraryMissing, "load", "", ""};
    const auto connection = Connection::Create(
        {scope, [&](const std::shared_ptr<Loop>&, const auto& then) { then(error); }, users, {}, nullptr});
    Given<Protocols> connected;
    connection->Connect(A(), connected.Take());
    Run();
    CHECK(connected.code() == status::kLibraryMissing);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a backend that is chosen too late is not used") {
    std::function<void(Result<const backend::Backend*>)> choose;
    const auto connection =
        Connection::Create({scope,
                            [&](const std::shared_ptr<Loop>&, auto then) { choose = std::move(then); },
                            users,
                            {},
                            nullptr});
    Given<Protocols> first;
    const auto operation = connection->Connect(A(), first.Take());
    const auto late = std::exchange(choose, nullptr);
    operation->Cancel();
    CHECK(first.code() == status::kCancelled);
    Given<Protocols> second;
    connection->Connect(A(), second.Take());
    late(&world);
    Run();
    CHECK_FALSE(second.come());
    CHECK(world.clients() == 0);
    choose(&world);
    Run();
    CHECK(second.value() == kT1);
    CHECK(world.clients() == 1);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a second connect disconnects the first card, a used transaction with a reset") {
    world.reader("B");
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    REQUIRE(Transmit(*connection, Verify("anna")).ok());
    Given<Protocols> connected;
    connection->Connect({"B", ShareMode::kShared, kT1, false}, connected.Take());
    Run();
    CHECK(connected.value() == kT1);
    CHECK(connection->reader() == "B");
    CHECK(world.TakeLog() == "connect A, begin, transmit 0020, retire reset, connect B");
    CHECK(card().verified.empty());
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "an exchange keeps other operations out until its response is complete") {
    const auto connection = MakeOpen();
    world.on_transmit = [](const Bytes& apdu) {
      if (apdu[1] == 0xc0) return Bytes{2, 0x90, 0x00};
      return apdu[1] == 0xca ? Bytes{1, 0x61, 0x01} : Bytes{0x90, 0x00};
    };
    Given<Bytes> whole;
    Given<Bytes> other;
    connection->Exchange(Exchange({Apdu({0x00, 0xca, 0, 0, 0})}, 0), whole.Take());
    connection->Transmit(Apdu({0x00, 0xa4, 0, 0}), other.Take());
    Run();
    CHECK(whole.value() == Bytes{1, 2, 0x90, 0x00});
    CHECK(world.TakeLog() == "connect A, transmit 00ca, transmit 00c0, transmit 00a4");
    world.on_transmit = [](const Bytes&) { return Bytes{0x61, 0x01}; };
    Given<Bytes> endless;
    connection->Exchange(Exchange({Apdu({0x00, 0xca, 0, 0, 0})}, 0), endless.Take());
    Run();
    CHECK(endless.error().code == status::kInternalError);
    CHECK(endless.error().reader == "A");
  }

  // --- Resets ---

  TEST_CASE_FIXTURE(ConnectionFixture, "our own reset is repaired silently before the next use") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    REQUIRE(End(*connection, Disposition::kReset) == status::kSuccess);
    CHECK(connection->state() == State::kStale);
    world.TakeLog();
    SUBCASE("by a begin") {
      Given<BeginOutcome> begun;
      connection->Begin(OnReset::kFail, begun.Take());
      Run();
      CHECK_FALSE(begun.value().card_was_reset);
      CHECK(world.TakeLog() == "reconnect leave, begin");
    }
    SUBCASE("by another operation") {
      Given<CardStatus> status;
      connection->GetStatus(status.Take());
      Run();
      CHECK(status.code() == status::kSuccess);
      CHECK(connection->state() == State::kOpen);
      CHECK(world.TakeLog() == "reconnect leave, status");
    }
    SUBCASE("and an error there is the operation's error, and is tried again") {
      world.FailNext("reconnect", status::kUnpoweredCard);
      CHECK(Transmit(*connection, Sign()).code() == status::kUnpoweredCard);
      CHECK(Transmit(*connection, Sign()).ok());
    }
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a foreign reset is reported once") {
    const auto connection = MakeOpen();
    world.ResetByAnother("A");
    SUBCASE("as an error of the begin") {
      CHECK(Begin(*connection, OnReset::kFail) == status::kResetCard);
      Given<Protocols> reconnected;
      connection->Reconnect(ShareMode::kShared, kT1, Disposition::kLeave, reconnected.Take());
      Run();
      CHECK(reconnected.code() == status::kSuccess);
      CHECK(Begin(*connection, OnReset::kFail) == status::kSuccess);
    }
    SUBCASE("or in the outcome of the begin, which reconnects") {
      Given<BeginOutcome> begun;
      connection->Begin(OnReset::kReconnect, begun.Take());
      Run();
      CHECK(begun.value().card_was_reset);
      REQUIRE(End(*connection, Disposition::kLeave) == status::kSuccess);
      Given<BeginOutcome> second;
      connection->Begin(OnReset::kReconnect, second.Take());
      Run();
      CHECK_FALSE(second.value().card_was_reset);
    }
    SUBCASE("or as the error of the begin if the card is reset repeatedly") {
      world.FailAll("begin", status::kResetCard);
      CHECK(Begin(*connection, OnReset::kReconnect) == status::kResetCard);
      world.FailAll("begin", status::kSuccess);
      CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    }
    SUBCASE("or as an error of a transmit") {
      CHECK(Transmit(*connection, Sign()).code() == status::kResetCard);
    }
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a replaced card is reported as removed") {
    const auto connection = MakeOpen();
    Given<CardStatus> status;
    connection->GetStatus(status.Take());
    world.Change("A", [](StandInBackend::Reader& reader) { reader.card = 2; });
    CHECK(Begin(*connection) == status::kRemovedCard);
    Given<Protocols> reconnected;
    connection->Reconnect(ShareMode::kShared, kT1, Disposition::kLeave, reconnected.Take());
    Run();
    CHECK(reconnected.code() == status::kSuccess);
    // Claim returns the new card's ATR, not the one of an earlier status.
    Given<Connection::Claimed> claimed;
    connection->Claim(
        Shared(A()), kT0OrT1, [] { return false; }, claimed.Take());
    Run();
    CHECK(claimed.value().atr == Bytes{0x3b, 2});
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "after a protocol mismatch the protocol is negotiated again and the command sent again") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    SUBCASE("if the card has done nothing yet") {
      world.FailNext("transmit", status::kProtoMismatch);
      CHECK(Transmit(*connection, Sign()).ok());
      CHECK(world.TakeLog() == "connect A, begin, transmit 002a, reconnect leave, transmit 002a");
    }
    SUBCASE("but not twice") {
      world.FailAll("transmit", status::kProtoMismatch);
      CHECK(Transmit(*connection, Sign()).code() == status::kProtoMismatch);
      world.FailAll("transmit", status::kSuccess);
      CHECK(world.TakeLog() == "connect A, begin, transmit 002a, reconnect leave, transmit 002a");
    }
    SUBCASE("and otherwise the card is reported as reset") {
      REQUIRE(Transmit(*connection, Verify("anna")).ok());
      world.FailNext("transmit", status::kProtoMismatch);
      CHECK(Transmit(*connection, Sign()).code() == status::kResetCard);
    }
    SUBCASE("or after a Control, which may have verified a PIN at the reader") {
      Given<Bytes> control;
      connection->Control(1, Apdu({}), control.Take());
      Run();
      REQUIRE(control.code() == status::kSuccess);
      world.FailNext("transmit", status::kProtoMismatch);
      CHECK(Transmit(*connection, Sign()).code() == status::kResetCard);
    }
    CHECK(connection->state() == State::kUsed);
  }

  // --- Other programs that use the card ---

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a begin reports whether it waited: for another process, or for its turn") {
    const auto one = MakeOpen();
    const auto two = MakeOpen();
    Given<BeginOutcome> first;
    Given<BeginOutcome> second;
    Hold();
    one->Begin(OnReset::kFail, first.Take());
    two->Begin(OnReset::kFail, second.Take());
    Run();
    CHECK_FALSE(first.come());
    Free();
    CHECK(first.value().waited.elsewhere.count() > 0);
    CHECK(first.value().waited.in_process.count() == 0);
    CHECK_FALSE(second.come());
    REQUIRE(End(*one, Disposition::kLeave) == status::kSuccess);
    CHECK(second.value().waited.in_process.count() > 0);
    CHECK(second.value().waited.elsewhere.count() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a connect waits while another process is connected exclusively, if it may wait") {
    world.Change("A", [](StandInBackend::Reader& reader) { reader.foreign_exclusive = true; });
    const auto connection = Make();
    Given<Protocols> impatient;
    connection->Connect(A(), impatient.Take());
    Run();
    CHECK(impatient.code() == status::kSharingViolation);

    ConnectParameters patient = A();
    patient.waits_for_exclusive = true;
    Given<Protocols> connected;
    connection->Connect(patient, connected.Take());
    world.TakeLog();
    REQUIRE(RunUntil([&] { return world.TakeLog() == "connect A"; }));
    // In the pause the reader is free for operations that do not wait.
    CHECK(RunUntil([&] { return !ReaderQueue::OfProcess().IsTaken("A"); }));
    const auto other = Make();
    Given<Protocols> refused;
    other->Connect(A(), refused.Take());
    Run();
    CHECK(refused.code() == status::kSharingViolation);
    CHECK_FALSE(connected.come());
    world.Change("A", [](StandInBackend::Reader& reader) { reader.foreign_exclusive = false; });
    REQUIRE(RunUntil([&] { return connected.come(); }));
    CHECK(connected.code() == status::kSuccess);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "an end that fails closes the handle and frees the card") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    world.FailNext("end", status::kCommError);
    CHECK(End(*connection, Disposition::kLeave) == status::kCommError);
    CHECK(connection->state() == State::kClosed);
    CHECK(world.contexts() == 0);
    CHECK(card().transaction == nullptr);
  }

  TEST_CASE_FIXTURE(ConnectionFixture, "a disconnect that fails in a transaction resets what the card did") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    REQUIRE(Transmit(*connection, Verify("anna")).ok());
    world.FailNext("disconnect", status::kCommError);
    Given<Done> disconnected;
    connection->Disconnect(Disposition::kLeave, disconnected.Take());
    Run();
    CHECK(disconnected.code() == status::kCommError);
    CHECK(card().verified.empty());
    CHECK(world.contexts() == 0);
  }

  TEST_CASE_FIXTURE(ConnectionFixture,
                    "a service that dies fails operations in progress, and a new connect works") {
    const auto connection = MakeOpen();
    REQUIRE(Begin(*connection) == status::kSuccess);
    world.Hang();
    Given<Bytes> sent;
    connection->Transmit(Sign(), sent.Take());
    Run();
    CHECK_FALSE(sent.come());
    world.Die();
    Run();
    CHECK(sent.code() == status::kNoService);
    world.Restart();
    CHECK(End(*connection, Disposition::kLeave) != status::kSuccess);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    Given<Protocols> connected;
    connection->Connect(A(), connected.Take());
    Run();
    CHECK(connected.code() == status::kSuccess);
    CHECK(Begin(*connection) == status::kSuccess);
  }
}
