// Calls that are cancelled, and clients that end, in every phase.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "daemon_fixture.h"

namespace {

using namespace pcsc_bridge;           // NOLINT
using namespace pcsc_bridge::backend;  // NOLINT
using namespace pcsc_bridge::test;     // NOLINT
using namespace std::chrono_literals;
using Question = FakeDaemon::Question;
using After = Client::After;

constexpr int kAlways = FakeDaemon::kUntilServed;

Transmit Sending(const Bytes& apdu) {
  return Transmit{Secretly(apdu)};
}

std::size_t CountIn(const char* directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

// A call whose answer fails the test.
void StartUnanswered(Client& client, Call call) {
  client.Start(std::move(call), [](const backend::Outcome&) { FAIL_CHECK("a call given up was answered"); });
}

// The moment at which a client has nothing left to do.
struct Released {
  std::function<void()> Take() {
    return [come = come_] {
      CHECK_FALSE(*come);
      *come = true;
    };
  }
  bool come() const { return *come_; }

 private:
  std::shared_ptr<bool> come_ = std::make_shared<bool>(false);
};

struct Ending : WithDaemon {
  // Retires the client, and destroys it at once.
  Released Retire(Disposition disposition) {
    Released released;
    client->Retire(disposition, released.Take());
    CHECK_FALSE(released.come());
    client.reset();
    return released;
  }
  void RunUntilReleased(const Released& released) {
    loop.RunUntil([&] { return released.come(); });
    RunUntilNoLink();
  }
};

struct EndingWithCard : Ending {
  EndingWithCard() { Connect(); }
};

TEST_SUITE("daemon client, giving up") {
  TEST_CASE_FIXTURE(WithDaemon, "without a call in progress the client stays usable") {
    CHECK(client->GiveUp() == After::kUsable);
    CHECK(Do(ListReaders{}).ok());
    CHECK(client->GiveUp() == After::kUsable);
  }

  TEST_CASE_FIXTURE(WithDaemon, "a call cancelled while the link opens is never made, and the next one is") {
    daemon.AddReader("R");
    Command held = Command::kVersion;
    SUBCASE("at the version") {}
    SUBCASE("at the context") {
      held = Command::kEstablishContext;
    }
    daemon.Hold(held);
    StartUnanswered(*client, backend::Connect{"lost", ShareMode::kShared, kT1});
    RunUntilAsked(held);
    CHECK(client->GiveUp() == After::kUsable);
    const Called connected(*client, backend::Connect{"R", ShareMode::kShared, kT1});
    daemon.LetGo(held);
    loop.RunUntil([&] { return connected.done(); });
    CHECK(connected.outcome().ok());
    CHECK(daemon.log() == "version, establish, connect R");
  }

  TEST_CASE_FIXTURE(WithDaemon, "a call that waits behind a cancelled one may be cancelled, too") {
    daemon.Hold(Command::kVersion);
    for (int i = 0; i < 3; ++i) {
      StartUnanswered(*client, ListReaders{});
      CHECK(client->GiveUp() == After::kUsable);
    }
    daemon.LetGo(Command::kVersion);
    CHECK(Do(ListReaders{}).ok());
    CHECK(daemon.log() == "version, readers");
  }

  TEST_CASE_FIXTURE(WithDaemon, "a link that cannot be opened fails the next call, not the cancelled one") {
    const auto nowhere = MakeDaemonBackend(daemon.path() + ".not");
    const auto other = nowhere->MakeClient(loop.get());
    StartUnanswered(*other, ListReaders{});
    CHECK(other->GiveUp() == After::kUsable);
    CHECK(Do(*other, ListReaders{}).code() == status::kNoService);
  }

  TEST_CASE_FIXTURE(WithDaemon, "a cancelled probe is awaited before the next call is sent") {
    REQUIRE(Do(ListReaders{}).ok());
    daemon.Forget();
    daemon.Hold(Command::kReaderStates);
    StartUnanswered(*client, ListReaders{});
    daemon.WaitForAsked(Command::kReaderStates, 1);
    CHECK(client->GiveUp() == After::kUsable);
    const Called checked(*client, CheckContext{});
    loop.RunFor(5ms);
    CHECK(daemon.log() == "readers");
    daemon.LetGo(Command::kReaderStates);
    loop.RunUntil([&] { return checked.done(); });
    CHECK(checked.outcome().ok());
  }

  TEST_CASE_FIXTURE(WithCard,
                    "a command cancelled while it waits for another process never reaches the card") {
    daemon.Refuse(Command::kTransmit, status::kSharingViolation, kAlways);
    daemon.Refuse(Command::kStatus, status::kSharingViolation, kAlways);
    StartUnanswered(*client, Sending({0x20}));
    RunUntilAsked(Command::kStatus, 3);
    bool probing = false;
    SUBCASE("in a pause") {}
    SUBCASE("in a probe") {
      probing = true;
    }
    if (probing) {
      daemon.Hold(Command::kStatus);
      daemon.Forget();
      RunUntilAsked(Command::kStatus);
    } else {
      // After its response, before the next probe.
      loop.RunUntil([&] {
        const auto asked = daemon.asked();
        return asked.back().answered.has_value();
      });
      loop->RunDue();
    }
    CHECK(client->GiveUp() == After::kUsable);
    daemon.Forget();
    daemon.Serve(Command::kTransmit);
    daemon.Serve(Command::kStatus);
    daemon.LetGo(Command::kStatus);
    CHECK(Do(Sending({0x01})).ok());
    CHECK(daemon.log() == "transmit 01");
  }

  TEST_CASE_FIXTURE(WithCard, "a cancelled begin that succeeds late is ended before the next call is sent") {
    daemon.Hold(Command::kBeginTransaction);
    StartUnanswered(*client, backend::Begin{});
    RunUntilAsked(Command::kBeginTransaction);
    CHECK(client->GiveUp() == After::kUsable);
    bool next = false;
    SUBCASE("with a next call") {
      next = true;
    }
    SUBCASE("without a next call") {}
    if (next) {
      const Called sent(*client, Sending({0x01}));
      daemon.LetGo(Command::kBeginTransaction);
      loop.RunUntil([&] { return sent.done(); });
      CHECK(sent.outcome().ok());
      CHECK(daemon.log() == "status, begin, end leave, transmit 01");
    } else {
      daemon.LetGo(Command::kBeginTransaction);
      RunUntilAsked(Command::kEndTransaction);
      CHECK(Do(Sending({0x01})).ok());
    }
  }

  TEST_CASE_FIXTURE(WithCard, "a cancelled begin that is refused late needs no end") {
    daemon.Hold(Command::kBeginTransaction);
    daemon.Refuse(Command::kBeginTransaction, status::kSharingViolation);
    StartUnanswered(*client, backend::Begin{});
    RunUntilAsked(Command::kBeginTransaction);
    CHECK(client->GiveUp() == After::kUsable);
    const Called begun(*client, backend::Begin{});
    daemon.LetGo(Command::kBeginTransaction);
    loop.RunUntil([&] { return begun.done(); });
    CHECK(begun.outcome().ok());
    CHECK_FALSE(begun.outcome().value().waited);
    CHECK(daemon.log() == "status, begin!, status, begin");
  }

  TEST_CASE_FIXTURE(WithCard, "a disconnect cancelled while it waits leaves the card connected") {
    daemon.Refuse(Command::kStatus, status::kSharingViolation, kAlways);
    bool waits = false;
    StartUnanswered(*client, Disconnect{Disposition::kReset, [&] { waits = true; }});
    loop.RunUntil([&] { return waits; });
    CHECK(client->GiveUp() == After::kUsable);
    daemon.Serve(Command::kStatus);
    CHECK(Do(backend::Begin{}).ok());
    CHECK(daemon.count(Command::kDisconnect) == 0);
  }

  TEST_CASE("a call cancelled after it was sent to the card or its reader is lost") {
    const std::vector<std::pair<Call, Command>> calls{
        {backend::Connect{"R", ShareMode::kShared, kT1}, Command::kConnect},
        {Reconnect{}, Command::kReconnect},
        {Disconnect{}, Command::kDisconnect},
        {End{}, Command::kEndTransaction},
        {Sending({0x01}), Command::kTransmit},
        {Control{1, nullptr}, Command::kControl},
        {GetAttribute{1}, Command::kGetAttrib}};
    for (const auto& [call, its_command] : calls) {
      const Command held = its_command;
      for (const bool answered_first : {false, true}) {
        CAPTURE(static_cast<int>(held));
        CAPTURE(answered_first);
        EndingWithCard test;
        if (held == Command::kConnect) REQUIRE(test.Do(Disconnect{}).ok());
        if (held == Command::kEndTransaction) test.Begin();
        test.daemon.Forget();
        test.daemon.Hold(held);
        StartUnanswered(*test.client, call);
        test.RunUntilAsked(held);
        CHECK(test.client->GiveUp() == After::kLost);
        if (answered_first) {
          test.daemon.LetGo(held);
          test.loop.RunUntil([&test = test] { return test.daemon.asked().at(0).answered.has_value(); });
          test.loop.RunFor(5ms);
        }
        const Released released = test.Retire(Disposition::kReset);
        test.daemon.LetGo(held);
        test.RunUntilReleased(released);
        // In any case the card is reset at the end.
        CHECK(test.daemon.count(Command::kDisconnect) == 1);
        if (held != Command::kDisconnect) {
          CHECK(test.daemon.log().find("disconnect reset") != std::string::npos);
        }
      }
    }
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "300 calls cancelled while the daemon hangs cost no descriptor and no thread") {
    REQUIRE(Do(ListReaders{}).ok());
    Command held = Command::kReaderStates;
    SUBCASE("with a link that is open") {}
    SUBCASE("with a link that is not") {
      held = Command::kVersion;
      client = backend->MakeClient(loop.get());
    }
    daemon.Hold(held);
    daemon.Forget();
    StartUnanswered(*client, ListReaders{});
    CHECK(client->GiveUp() == After::kUsable);
    daemon.WaitForAsked(held, 1);
    const std::size_t descriptors = CountIn("/proc/self/fd");
    const std::size_t threads = CountIn("/proc/self/task");
    for (int i = 0; i < 300; ++i) {
      StartUnanswered(*client,
                      i % 2 == 0 ? Call(ListReaders{}) : backend::Connect{"R", ShareMode::kShared, kT1});
      loop->RunDue();
      CHECK(client->GiveUp() == After::kUsable);
    }
    CHECK(CountIn("/proc/self/fd") == descriptors);
    CHECK(CountIn("/proc/self/task") == threads);
    CHECK(daemon.count(held) == 1);
    daemon.LetGo(held);
    CHECK(Do(ListReaders{}).ok());
  }
}

TEST_SUITE("daemon client, the end") {
  TEST_CASE_FIXTURE(Ending, "a client that was never used is released without a request to the daemon") {
    RunUntilReleased(Retire(Disposition::kReset));
    CHECK(daemon.asked().empty());
  }

  TEST_CASE_FIXTURE(Ending, "a client without a card just closes its connection, also during a request") {
    Command held = Command::kReaderStates;
    SUBCASE("idle") {}
    SUBCASE("while it lists") {
      REQUIRE(Do(ListReaders{}).ok());
    }
    SUBCASE("while it opens") {
      held = Command::kVersion;
    }
    daemon.Hold(held);
    StartUnanswered(*client, ListReaders{});
    RunUntilAsked(held);
    const Released released = Retire(Disposition::kReset);
    loop.RunUntil([&] { return released.come(); });
    daemon.LetGo(held);
    RunUntilNoLink();
  }

  TEST_CASE("a card is disconnected with the disposition, also if it is exclusive or in a transaction") {
    const std::vector<std::pair<Disposition, std::string>> dispositions{
        {Disposition::kLeave, "disconnect leave"},
        {Disposition::kReset, "disconnect reset"},
        {Disposition::kUnpower, "disconnect unpower"}};
    for (const auto& [disposition, its_log] : dispositions) {
      const std::string& log = its_log;
      for (const ShareMode share_mode : {ShareMode::kShared, ShareMode::kExclusive}) {
        for (const bool in_transaction : {false, true}) {
          CAPTURE(log);
          CAPTURE(in_transaction);
          Ending test;
          test.Connect(share_mode);
          if (in_transaction) test.Begin();
          test.RunUntilReleased(test.Retire(disposition));
          CHECK(test.daemon.log() == log);
        }
      }
    }
  }

  TEST_CASE_FIXTURE(EndingWithCard,
                    "a client that is destroyed leaves the card, but resets it in a transaction") {
    bool in_transaction = false;
    SUBCASE("idle") {}
    SUBCASE("in a transaction") {
      in_transaction = true;
    }
    if (in_transaction) Begin();
    client.reset();
    RunUntilNoLink();
    CHECK(daemon.log() == (in_transaction ? "disconnect reset" : "disconnect leave"));
  }

  TEST_CASE_FIXTURE(EndingWithCard,
                    "the final requests are written behind a transmit in progress, and awaited") {
    Begin();
    daemon.Hold(Command::kTransmit);
    StartUnanswered(*client, Sending({0x01}));
    daemon.WaitForAsked(Command::kTransmit, 1);
    const Released released = Retire(Disposition::kReset);
    loop.RunFor(5ms);
    CHECK_FALSE(released.come());
    daemon.LetGo(Command::kTransmit);
    // This does not require the loop to run.
    daemon.WaitForAsked(Command::kDisconnect, 1);
    RunUntilReleased(released);
    CHECK(daemon.log() == "transmit 01, disconnect reset");
  }

  TEST_CASE_FIXTURE(EndingWithCard,
                    "a begin in progress ends with the disposition, whether it succeeds or not") {
    daemon.Hold(Command::kBeginTransaction);
    StartUnanswered(*client, backend::Begin{});
    RunUntilAsked(Command::kBeginTransaction);
    bool given_up = false;
    SUBCASE("awaited") {}
    SUBCASE("cancelled") {
      given_up = true;
    }
    if (given_up) CHECK(client->GiveUp() == After::kUsable);
    const Released released = Retire(Disposition::kLeave);
    daemon.LetGo(Command::kBeginTransaction);
    RunUntilReleased(released);
    CHECK(daemon.log() == "status, begin, disconnect leave");
  }

  TEST_CASE_FIXTURE(Ending, "a connect in progress is awaited and undone with the disposition") {
    daemon.AddReader("R");
    bool refused = false;
    SUBCASE("it succeeds") {}
    SUBCASE("it is refused") {
      refused = true;
      daemon.Refuse(Command::kConnect, status::kNoSmartcard);
    }
    daemon.Hold(Command::kConnect);
    StartUnanswered(*client, backend::Connect{"R", ShareMode::kShared, kT1});
    RunUntilAsked(Command::kConnect);
    const Released released = Retire(Disposition::kUnpower);
    loop.RunFor(5ms);
    CHECK_FALSE(released.come());
    daemon.LetGo(Command::kConnect);
    RunUntilReleased(released);
    CHECK(daemon.count(Command::kDisconnect) == (refused ? 0 : 1));
    if (!refused) {
      const auto message = daemon.asked(Command::kDisconnect).at(0).As<daemon::Dispose>();
      CHECK(message.card == FakeDaemon::kFirstNumber + 1);
      CHECK(message.disposition == 2);
    }
  }

  TEST_CASE_FIXTURE(EndingWithCard, "a disconnect in progress is awaited, and not repeated") {
    daemon.Hold(Command::kDisconnect);
    StartUnanswered(*client, Disconnect{Disposition::kLeave, nullptr});
    RunUntilAsked(Command::kDisconnect);
    const Released released = Retire(Disposition::kReset);
    daemon.LetGo(Command::kDisconnect);
    RunUntilReleased(released);
    CHECK(daemon.log() == "disconnect leave");
  }

  TEST_CASE_FIXTURE(EndingWithCard,
                    "a card that the client waits for is disconnected without further waiting") {
    daemon.Refuse(Command::kStatus, status::kSharingViolation, kAlways);
    StartUnanswered(*client, backend::Begin{});
    RunUntilAsked(Command::kStatus, 3);
    const Released released = Retire(Disposition::kReset);
    RunUntilReleased(released);
    CHECK(daemon.count(Command::kBeginTransaction) == 0);
    CHECK(daemon.count(Command::kDisconnect) == 1);
  }

  TEST_CASE_FIXTURE(EndingWithCard, "a disconnect that is refused because of another process is sent again") {
    daemon.Refuse(Command::kDisconnect, status::kSharingViolation, 2);
    const Released released = Retire(Disposition::kReset);
    RunUntilReleased(released);
    CHECK(daemon.log() == "disconnect reset!, disconnect reset!, disconnect reset");
  }

  TEST_CASE_FIXTURE(EndingWithCard, "if the daemon ends, nothing is left to do") {
    bool first = false;
    SUBCASE("before the client is retired") {
      first = true;
    }
    SUBCASE("while the final requests are awaited") {
      daemon.Hold(Command::kDisconnect);
    }
    if (first) {
      daemon.Die();
      loop.RunFor(5ms);
    }
    const Released released = Retire(Disposition::kReset);
    if (!first) {
      daemon.WaitForAsked(Command::kDisconnect, 1);
      daemon.Die();
    }
    RunUntilReleased(released);
  }

  TEST_CASE_FIXTURE(EndingWithCard, "if the loop ends, the loop of the process takes over") {
    Begin();
    Released released;
    SUBCASE("idle") {
      released = Retire(Disposition::kReset);
      loop.End();
    }
    SUBCASE("while a transmit is in progress") {
      // pcscd stops reading when it cannot send an answer: a connection that closes now would lose the reset.
      daemon.Hold(Command::kTransmit);
      StartUnanswered(*client, Sending({0x01}));
      daemon.WaitForAsked(Command::kTransmit, 1);
      released = Retire(Disposition::kReset);
      loop.End();
      daemon.LetGo(Command::kTransmit);
    }
    SUBCASE("before the client is retired") {
      loop.End();
      released = Retire(Disposition::kReset);
    }
    daemon.WaitForAsked(Command::kDisconnect, 1);
    CHECK(daemon.asked(Command::kDisconnect).at(0).As<daemon::Dispose>().disposition == 1);
    daemon.WaitForNoLink();
    CHECK_FALSE(released.come());
  }

  TEST_CASE_FIXTURE(Ending, "if the loop ends during a connect, the connect is still undone") {
    daemon.Hold(Command::kConnect);
    StartUnanswered(*client, backend::Connect{"R", ShareMode::kShared, kT1});
    RunUntilAsked(Command::kConnect);
    const Released released = Retire(Disposition::kReset);
    loop.End();
    daemon.LetGo(Command::kConnect);
    daemon.WaitForAsked(Command::kDisconnect, 1);
    daemon.WaitForNoLink();
    CHECK_FALSE(released.come());
  }

  TEST_CASE_FIXTURE(EndingWithCard, "a client whose loop has ended is never answered, and may be destroyed") {
    StartUnanswered(*client, Sending({0x01}));
    loop.End();
    loop->RunDue();
    client.reset();
    daemon.WaitForNoLink();
  }
}

}  // namespace
