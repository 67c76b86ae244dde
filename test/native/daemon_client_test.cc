// A context of pcscd and its card: each call, its errors, and waiting for other processes.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "backend/daemon/client.h"
#include "daemon_fixture.h"

namespace {

using namespace pcsc_bridge;           // NOLINT
using namespace pcsc_bridge::backend;  // NOLINT
using namespace pcsc_bridge::test;     // NOLINT
using namespace std::chrono_literals;
using Question = FakeDaemon::Question;

constexpr int kAlways = FakeDaemon::kUntilServed;

Transmit Sending(const Bytes& apdu) {
  return Transmit{Secretly(apdu)};
}

// Calls that require a card, other than Connect and Disconnect.
std::vector<std::pair<Call, Command>> CallsOnCard() {
  return {{Reconnect{}, Command::kReconnect},     {backend::Begin{}, Command::kBeginTransaction},
          {End{}, Command::kEndTransaction},      {backend::Status{}, Command::kStatus},
          {Sending({0x00}), Command::kTransmit},  {Control{1, nullptr}, Command::kControl},
          {GetAttribute{1}, Command::kGetAttrib}, {SetAttribute{1, {}}, Command::kSetAttrib}};
}

TEST_SUITE("daemon client") {
  TEST_CASE_FIXTURE(WithDaemon, "readers are listed in the daemon's order, without free places") {
    CHECK(Do(ListReaders{}).value().names.empty());
    daemon.AddReader("B");
    daemon.AddReader("gone");
    daemon.AddReader("A");
    daemon.RemoveReader("gone");
    CHECK(Do(ListReaders{{"any group"}}).value().names == std::vector<std::string>{"B", "A"});
    daemon.AddReader(std::string(128, 'n'));  // a name without a zero behind it
    CHECK(Do(ListReaders{}).value().names.back() == std::string(128, 'n'));
  }

  TEST_CASE_FIXTURE(WithDaemon, "since 4:6 there may be more than 16 readers") {
    daemon.Speak(6);
    daemon.SetPlaces(64);
    for (int i = 0; i < 40; ++i) daemon.AddReader("R" + std::to_string(i));
    CHECK(Do(ListReaders{}).value().names.size() == 40);
    REQUIRE(Do(backend::Connect{"R39", ShareMode::kShared, kT1}).ok());
    CHECK(Do(backend::Status{}).ok());
  }

  TEST_CASE_FIXTURE(WithDaemon, "an impossible table size breaks the connection") {
    daemon.Speak(6);
    for (const std::int32_t size : {-1, 2'000'000'000}) {
      const auto other = backend->MakeClient(loop.get());
      daemon.On(Command::kReaderTableSize, [size](const Question&) { return ReplyOf(size); });
      CHECK(Do(*other, ListReaders{}).code() == status::kCommError);
    }
  }

  TEST_CASE_FIXTURE(WithDaemon, "there is one group, and no request is needed for it") {
    CHECK(Do(ListReaderGroups{}).value().names == std::vector<std::string>{"SCard$DefaultReaders"});
    CHECK(daemon.asked().empty());
  }

  TEST_CASE_FIXTURE(WithDaemon, "a connect establishes the context first, once") {
    daemon.AddReader("R");
    const backend::Outcome connected = Do(backend::Connect{"R", ShareMode::kShared, kT0 | kT1});
    REQUIRE(connected.ok());
    CHECK(connected.value().protocol == kT1);
    CHECK(daemon.log() == "version, establish, connect R");
    const auto message = daemon.asked(Command::kConnect).at(0).As<daemon::Connect>();
    CHECK(message.context == FakeDaemon::kFirstNumber);
    CHECK(message.share_mode == 2);
    CHECK(message.protocols == 3);
    REQUIRE(Do(Disconnect{Disposition::kLeave, nullptr}).ok());
    daemon.Forget();
    REQUIRE(Do(backend::Connect{"R", ShareMode::kShared, kT1}).ok());
    CHECK(daemon.log() == "connect R");
  }

  TEST_CASE_FIXTURE(WithDaemon, "a refused connect has the daemon's code, the function and the reader") {
    daemon.Refuse(Command::kEstablishContext, status::kNoMemory);
    const backend::Outcome no_context = Do(backend::Connect{"R", ShareMode::kShared, kT1});
    CHECK(no_context.code() == status::kNoMemory);
    CHECK(no_context.error().operation == "SCardEstablishContext");
    daemon.Refuse(Command::kConnect, status::kSharingViolation);
    const backend::Outcome refused = Do(backend::Connect{"R", ShareMode::kShared, kT1});
    CHECK(refused.code() == status::kSharingViolation);
    CHECK(refused.error().operation == "SCardConnect");
    CHECK(refused.error().reader == "R");
    CHECK(Do(backend::Connect{"R", ShareMode::kShared, kT1}).ok());
  }

  TEST_CASE_FIXTURE(WithDaemon, "a reader's name longer than pcscd's limit is unknown") {
    CHECK(Do(backend::Connect{std::string(128, 'x'), ShareMode::kShared, kT1}).code() ==
          status::kUnknownReader);
    CHECK(daemon.count(Command::kConnect) == 0);
    CHECK(Do(backend::Connect{std::string(127, 'x'), ShareMode::kShared, kT1}).ok());
  }

  TEST_CASE_FIXTURE(WithDaemon, "a direct connection has no protocol") {
    const backend::Outcome connected = Do(backend::Connect{"R", ShareMode::kDirect, 0});
    REQUIRE(connected.ok());
    CHECK(connected.value().protocol == 0);
    CHECK(Do(Reconnect{ShareMode::kDirect, 0, Disposition::kLeave}).value().protocol == 0);
    CHECK(Do(Reconnect{ShareMode::kShared, kT1, Disposition::kReset}).value().protocol == kT1);
  }

  TEST_CASE_FIXTURE(WithDaemon, "a call that requires a card fails without one, and nothing is sent") {
    for (const auto& [call, command] : CallsOnCard()) {
      const backend::Outcome outcome = Do(call);
      CHECK(outcome.code() == status::kNotConnected);
      CHECK_FALSE(outcome.error().operation.empty());
    }
    CHECK(Do(Disconnect{}).code() == status::kNotConnected);
    CHECK(daemon.links() == 0);
  }

  TEST_CASE_FIXTURE(WithCard, "each call on the card sends its own message, and returns the daemon's error") {
    for (const auto& [call, its_command] : CallsOnCard()) {
      const Command command = its_command;
      CAPTURE(static_cast<int>(command));
      daemon.Forget();
      daemon.Refuse(command, status::kRemovedCard);
      const backend::Outcome refused = Do(call);
      CHECK(refused.code() == status::kRemovedCard);
      REQUIRE_FALSE(refused.ok());
      CHECK(refused.error().reader == "R");
      CHECK(refused.error().operation.substr(0, 5) == "SCard");
      daemon.Serve(command);
      CHECK(Do(call).ok());
      CHECK(daemon.count(command) == 2);
    }
  }

  TEST_CASE_FIXTURE(WithCard, "a transaction is begun, used and ended with its disposition") {
    const backend::Outcome begun = Do(backend::Begin{});
    REQUIRE(begun.ok());
    CHECK(begun.value().handle_works);
    CHECK_FALSE(begun.value().waited);
    CHECK(Do(Sending({0xaa})).value().bytes == Bytes{0xaa, 0x90, 0x00});
    CHECK(Do(End{Disposition::kReset}).ok());
    CHECK(daemon.log() == "status, begin, transmit aa, end reset");
  }

  TEST_CASE_FIXTURE(WithCard, "the status contains the card's state, protocol and ATR") {
    daemon.AddReader("S", 0x74, {0x3b, 0x01, 0x02}, 3);
    REQUIRE(Do(Disconnect{}).ok());
    REQUIRE(Do(backend::Connect{"S", ShareMode::kShared, kT1}).ok());
    const backend::Outcome outcome = Do(backend::Status{});
    REQUIRE(outcome.ok());
    CHECK(outcome.value().status.state == CardState::kSpecific);
    CHECK(outcome.value().status.protocol == kT1);
    CHECK((outcome.value().status.atr == Bytes{0x3b, 0x01, 0x02}));
    daemon.ChangeReader("S", 0x34);
    CHECK(Do(backend::Status{}).value().status.state == CardState::kNegotiable);
    daemon.Forget();
    CHECK(Do(backend::Status{true}).value().status.state == CardState::kNegotiable);
    CHECK(daemon.count(Command::kStatus) == 0);
    daemon.ChangeReader("S", FakeDaemon::kNoCard);
    CHECK(Do(backend::Status{}).value().status.state == CardState::kAbsent);
    daemon.RemoveReader("S");
    CHECK(Do(backend::Status{}).code() == status::kReaderUnavailable);
  }

  TEST_CASE_FIXTURE(WithCard, "attributes have the length that the daemon reports, and at most 264 bytes") {
    daemon.On(Command::kGetAttrib, [](const Question& question) {
      auto message = question.As<daemon::Attribute>();
      CHECK(message.length == 264);
      message.value[0] = static_cast<std::uint8_t>(message.id);
      message.length = message.id == 7 ? 2 : 0xffffffff;
      return ReplyOf(message);
    });
    CHECK(Do(GetAttribute{7}).value().bytes == Bytes{7, 0});
    CHECK(Do(GetAttribute{8}).value().bytes.size() == 264);
    CHECK(Do(SetAttribute{9, Pattern(264)}).ok());
    const auto message = daemon.asked(Command::kSetAttrib).at(0).As<daemon::Attribute>();
    CHECK(message.length == 264);
    CHECK((Bytes(message.value, message.value + 264) == Pattern(264)));
    CHECK(Do(SetAttribute{9, Pattern(265)}).code() == status::kInsufficientBuffer);
  }

  // --- Another process has the card ---

  TEST_CASE_FIXTURE(WithCard, "a begin probes until the card is free, and only then begins") {
    daemon.Refuse(Command::kStatus, status::kSharingViolation, 5);
    const backend::Outcome begun = Do(backend::Begin{});
    REQUIRE(begun.ok());
    CHECK(begun.value().waited);
    CHECK(begun.value().handle_works);
    CHECK(daemon.count(Command::kBeginTransaction) == 1);
    CHECK(daemon.count(Command::kStatus) == 6);
  }

  TEST_CASE_FIXTURE(WithCard, "a begin that is refused nevertheless returns to probing") {
    daemon.Refuse(Command::kBeginTransaction, status::kSharingViolation, 2);
    const backend::Outcome begun = Do(backend::Begin{});
    REQUIRE(begun.ok());
    CHECK(begun.value().waited);
    CHECK(daemon.log() == "status, begin!, status, begin!, status, begin");
  }

  TEST_CASE_FIXTURE(WithCard, "a process that begins often and meets no holder no longer probes first") {
    for (int i = 0; i < 16; ++i) {
      REQUIRE(Do(backend::Begin{}).ok());
      REQUIRE(Do(End{}).ok());
    }
    CHECK(daemon.count(Command::kStatus) == 16);
    daemon.Forget();
    REQUIRE(Do(backend::Begin{}).ok());
    REQUIRE(Do(End{}).ok());
    CHECK(daemon.log() == "begin, end leave");
    // Until it meets a holder.
    daemon.Forget();
    daemon.Refuse(Command::kBeginTransaction, status::kSharingViolation, 1);
    const backend::Outcome begun = Do(backend::Begin{});
    REQUIRE(begun.ok());
    CHECK(begun.value().waited);
    REQUIRE(Do(End{}).ok());
    REQUIRE(Do(backend::Begin{}).ok());
    CHECK(daemon.log() == "begin!, status, begin, end leave, status, begin");
  }

  TEST_CASE("contention counts as unlikely after 16 begins in a row, for a minute after the last one") {
    daemon::Contention contention;
    const Loop::Clock::time_point start = Loop::Clock::now();
    for (int i = 0; i < 16; ++i) {
      CHECK_FALSE(contention.IsUnlikely(start));
      contention.NoteFree(start);
    }
    CHECK(contention.IsUnlikely(start + 59s));
    CHECK_FALSE(contention.IsUnlikely(start + 60s));
    SUBCASE("a pause of a minute resets the count") {
      contention.NoteFree(start + 60s);
      CHECK_FALSE(contention.IsUnlikely(start + 60s));
    }
    SUBCASE("a holder is remembered for a minute, regardless of later begins") {
      contention.NoteHeld(start);
      for (int i = 0; i < 16; ++i) contention.NoteFree(start + 59s);
      CHECK_FALSE(contention.IsUnlikely(start + 59s));
      CHECK(contention.IsUnlikely(start + 60s));
    }
  }

  TEST_CASE_FIXTURE(WithCard, "the pauses grow from half a millisecond to two milliseconds") {
    daemon.Refuse(Command::kStatus, status::kSharingViolation, kAlways);
    const auto start = std::chrono::steady_clock::now();
    const Called begun(*client, backend::Begin{});
    RunUntilAsked(Command::kStatus, 11);
    // 500 + 625 + 781 + 976 + 1220 + 1525 + 1907 + 3 * 2000 us
    CHECK(std::chrono::steady_clock::now() - start >= 13ms);
    daemon.Serve(Command::kStatus);
    loop.RunUntil([&] { return begun.done(); });
    REQUIRE(Do(End{}).ok());
    // They start again with each call.
    daemon.Forget();
    daemon.Refuse(Command::kStatus, status::kSharingViolation, 1);
    CHECK(Do(backend::Begin{}).ok());
  }

  TEST_CASE_FIXTURE(WithCard,
                    "transmit, status and reconnect outside a transaction wait until the card is free") {
    for (const auto& [call, its_command] : std::vector<std::pair<Call, Command>>{
             {Sending({0x01}), Command::kTransmit},
             {backend::Status{}, Command::kStatus},
             {Reconnect{ShareMode::kShared, kT1, Disposition::kReset}, Command::kReconnect}}) {
      const Command command = its_command;
      CAPTURE(static_cast<int>(command));
      daemon.Refuse(command, status::kSharingViolation, 1);
      daemon.Refuse(Command::kStatus, status::kSharingViolation, 3);
      const backend::Outcome outcome = Do(call);
      REQUIRE(outcome.ok());
      CHECK(outcome.value().waited);
      CHECK_FALSE(Do(call).value().waited);
    }
  }

  TEST_CASE_FIXTURE(WithCard, "an error of the card during a probe is left to the call itself") {
    daemon.Refuse(Command::kTransmit, status::kSharingViolation, 1);
    const Called sent(*client, Sending({0x01}));
    loop.RunUntil([&] { return daemon.count(Command::kTransmit) == 1; });
    daemon.Refuse(Command::kStatus, status::kResetCard, 1);
    daemon.Refuse(Command::kTransmit, status::kResetCard, 1);
    loop.RunUntil([&] { return sent.done(); });
    CHECK(sent.outcome().code() == status::kResetCard);
    CHECK(sent.outcome().error().operation == "SCardTransmit");
  }

  TEST_CASE_FIXTURE(WithCard, "a reconnect for exclusive use waits for other connections, too") {
    daemon.Refuse(Command::kReconnect, status::kSharingViolation, 2);
    const backend::Outcome outcome = Do(Reconnect{ShareMode::kExclusive, kT1, Disposition::kLeave});
    REQUIRE(outcome.ok());
    CHECK(outcome.value().waited);
    CHECK(daemon.log() == "reconnect leave!, status, reconnect leave!, status, reconnect leave");
  }

  TEST_CASE_FIXTURE(WithCard, "control and attributes report at once that another process has the card") {
    for (const auto& [call, command] :
         std::vector<std::pair<Call, Command>>{{Control{1, nullptr}, Command::kControl},
                                               {GetAttribute{1}, Command::kGetAttrib},
                                               {SetAttribute{1, {}}, Command::kSetAttrib}}) {
      daemon.Forget();
      daemon.Refuse(command, status::kSharingViolation, 1);
      CHECK(Do(call).code() == status::kSharingViolation);
      CHECK(daemon.asked().size() == 1);
    }
  }

  TEST_CASE_FIXTURE(WithCard, "a call inside its own transaction does not wait") {
    Begin();
    daemon.Refuse(Command::kTransmit, status::kSharingViolation, 1);
    CHECK(Do(Sending({0x01})).code() == status::kSharingViolation);
    CHECK(Do(Disconnect{Disposition::kReset, nullptr}).ok());
    CHECK(daemon.log() == "transmit 01!, disconnect reset");
  }

  TEST_CASE_FIXTURE(
      WithCard,
      "a disconnect with a disposition probes until the card is free, and reports once that it waits") {
    daemon.Refuse(Command::kStatus, status::kSharingViolation, 3);
    int waits = 0;
    CHECK(Do(Disconnect{Disposition::kReset, [&] { ++waits; }}).ok());
    CHECK(waits == 1);
    CHECK(daemon.log() == "status!, status!, status!, status, disconnect reset");
  }

  TEST_CASE_FIXTURE(WithCard, "a disconnect that leaves the card does not wait for other processes") {
    daemon.Refuse(Command::kStatus, status::kSharingViolation, kAlways);
    int waits = 0;
    CHECK(Do(Disconnect{Disposition::kLeave, [&] { ++waits; }}).ok());
    CHECK(waits == 0);
    CHECK(daemon.log() == "disconnect leave");
    CHECK(Do(backend::Begin{}).code() == status::kNotConnected);
  }

  TEST_CASE_FIXTURE(WithCard, "a disconnect that is refused leaves the card connected") {
    daemon.Refuse(Command::kDisconnect, status::kInternalError);
    CHECK(Do(Disconnect{}).code() == status::kInternalError);
    CHECK(Do(backend::Begin{}).ok());
  }

  TEST_CASE_FIXTURE(WithCard, "an end refused because of a reset leaves the transaction to the handle") {
    // pcscd does not unlock the card in this case.
    Begin();
    daemon.Refuse(Command::kEndTransaction, status::kResetCard);
    CHECK(Do(End{}).code() == status::kResetCard);
    REQUIRE(Do(Reconnect{ShareMode::kShared, kT1, Disposition::kLeave}).ok());
    daemon.Forget();
    const backend::Outcome begun = Do(backend::Begin{});
    REQUIRE(begun.ok());
    CHECK_FALSE(begun.value().handle_works);
    CHECK(Do(End{}).ok());
    CHECK(daemon.log() == "end leave");
  }

  TEST_CASE_FIXTURE(WithCard, "two clients do not receive each other's responses") {
    const auto other = backend->MakeClient(loop.get());
    REQUIRE(Do(*other, backend::Connect{"R", ShareMode::kShared, kT1}).ok());
    const Called one(*client, Sending({0x01}));
    const Called two(*other, Sending({0x02}));
    loop.RunUntil([&] { return one.done() && two.done(); });
    CHECK(one.outcome().value().bytes == Bytes{0x01, 0x90, 0x00});
    CHECK(two.outcome().value().bytes == Bytes{0x02, 0x90, 0x00});
  }

  TEST_CASE_FIXTURE(WithCard, "an answer's callback may start the next call or destroy the client") {
    std::optional<backend::Outcome> second;
    client->Start(Sending({0x01}), [&](const backend::Outcome&) {
      client->Start(Sending({0x02}), [&](backend::Outcome outcome) {
        second.emplace(std::move(outcome));
        client.reset();
      });
    });
    loop.RunUntil([&] { return second.has_value(); });
    CHECK(second->value().bytes == Bytes{0x02, 0x90, 0x00});
    RunUntilNoLink();
  }

  TEST_CASE_FIXTURE(WithCard, "if the daemon ends, the call in progress and all later ones fail") {
    for (const auto& [call, its_command] : CallsOnCard()) {
      const Command command = its_command;
      CAPTURE(static_cast<int>(command));
      const auto other = backend->MakeClient(loop.get());
      REQUIRE(Do(*other, backend::Connect{"R", ShareMode::kShared, kT1}).ok());
      daemon.On(command, [](const Question&) { return FakeDaemon::Reply{Bytes(), 0, true}; });
      const backend::Outcome outcome = Do(*other, call);
      CHECK(outcome.code() == status::kNoService);
      CHECK(outcome.error().reader == "R");
      CHECK_FALSE(outcome.error().detail.empty());
      daemon.On(command, nullptr);
      CHECK(Do(*other, call).code() == status::kNoService);
      CHECK(Do(*other, ListReaders{}).code() == status::kNoService);
    }
  }

  TEST_CASE_FIXTURE(WithCard, "if the daemon ends, the wait for the card ends") {
    daemon.Refuse(Command::kStatus, status::kSharingViolation, kAlways);
    const Called begun(*client, backend::Begin{});
    RunUntilAsked(Command::kStatus, 2);
    daemon.Die();
    loop.RunUntil([&] { return begun.done(); });
    CHECK(begun.outcome().code() == status::kNoService);
    CHECK(begun.outcome().error().operation == "SCardBeginTransaction");
  }
}

}  // namespace
