// Watching the readers of a daemon, in each protocol.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "daemon_fixture.h"

namespace {

using namespace pcsc_bridge;        // NOLINT
using namespace pcsc_bridge::test;  // NOLINT
using namespace std::chrono_literals;
using backend::Picture;
using Question = FakeDaemon::Question;

// A watcher and its reports.
struct Watching : WithDaemon {
  void Watch(std::int32_t minor) {
    daemon.Speak(minor);
    Watch();
  }
  void Watch() {
    watcher = backend->Watch(loop.get(), [this](const Result<Picture>& report) {
      CHECK_FALSE(error.has_value());
      if (report.ok()) {
        pictures.push_back(report.value());
      } else {
        error = report.error();
      }
    });
    CHECK(pictures.empty());
  }
  // "A:0020 B:0010", with the states of the last picture.
  std::string Seen() const {
    if (pictures.empty()) return "nothing";
    std::string text;
    for (const ReaderStatus& reader : pictures.back()) {
      char state[8];
      (void)snprintf(state, sizeof state, "%04x", reader.state);
      text += (text.empty() ? "" : " ") + reader.reader + ":" + state;
    }
    return text;
  }
  void RunUntilSeen(const std::string& picture) {
    loop.RunUntil([&] { return Seen() == picture; });
  }

  std::vector<Picture> pictures;
  std::optional<Error> error;
  std::unique_ptr<backend::Watcher> watcher;
};

TEST_SUITE("daemon watcher") {
  TEST_CASE("the picture is reported at the start and at each change, in each protocol") {
    for (const std::int32_t minor : {4, 5, 6}) {
      CAPTURE(minor);
      Watching test;
      test.daemon.AddReader("A", FakeDaemon::kCardIn, {0x3b, 0x01}, 0x10007);
      test.Watch(minor);
      test.RunUntilSeen("A:0020");
      CHECK((test.pictures[0][0].atr == Bytes{0x3b, 0x01}));
      CHECK(test.pictures[0][0].event_count == 7);
      test.daemon.AddReader("B", FakeDaemon::kNoCard);
      test.RunUntilSeen("A:0020 B:0010");
      test.daemon.ChangeReader("A", FakeDaemon::kNoCard);
      test.RunUntilSeen("A:0010 B:0010");
      CHECK(test.pictures.back()[0].event_count == 8);
      CHECK(test.pictures.back()[0].atr.empty());
      test.daemon.RemoveReader("A");
      test.RunUntilSeen("B:0010");
      test.watcher.reset();
      test.RunUntilNoLink();
    }
  }

  TEST_CASE_FIXTURE(Watching, "without readers the picture is empty") {
    Watch();
    RunUntilSeen("");
  }

  TEST_CASE_FIXTURE(Watching, "a watcher without changes reports nothing, and sends nothing") {
    std::int32_t minor = 4;
    SUBCASE("4:4") {}
    SUBCASE("4:6") {
      minor = 6;
    }
    daemon.AddReader("A");
    Watch(minor);
    RunUntilSeen("A:0020");
    loop.RunFor(10ms);
    daemon.Forget();
    const std::size_t reports = pictures.size();
    loop.RunFor(20ms);
    CHECK(daemon.asked().empty());
    CHECK(pictures.size() == reports);
  }

  TEST_CASE_FIXTURE(Watching, "before 4:6 one link is enough, since then there are two") {
    std::int32_t minor = 5;
    std::size_t links = 1;
    SUBCASE("4:5") {}
    SUBCASE("4:6") {
      minor = 6;
      links = 2;
    }
    REQUIRE(backend::AskDaemonVersion(daemon.path(), 10s).usable.ok());
    // The daemon's thread notices the ends of links in its own time: of this one, and of one whose version it
    // refused.
    loop.RunUntil([&] { return daemon.links() == 0; });
    Watch(minor);
    RunUntilSeen("");
    loop.RunUntil([&] { return daemon.links() == links; });
    CHECK(daemon.mismatches() <= 1);
  }

  TEST_CASE_FIXTURE(Watching, "the bits of a reader's state are those of SCardGetStatusChange") {
    const auto set = [this](std::uint32_t state, std::int32_t sharing) {
      daemon.On(Command::kWatchReaders, [state, sharing](const Question&) {
        std::vector<daemon::ReaderState> table(daemon::kOldTableSize);
        table[2].name[0] = 'A';
        table[2].state = state;
        table[2].sharing = sharing;
        table[2].atr_length = 99;  // more than there can be
        const auto* const first = reinterpret_cast<const std::uint8_t*>(table.data());
        return FakeDaemon::Reply{Bytes(first, first + table.size() * sizeof(daemon::ReaderState))};
      });
    };
    const std::vector<std::tuple<std::uint32_t, std::int32_t, std::string>> rows{
        {0x02, 0, "A:0010"},  {0x04, 0, "A:0020"}, {0x34, 2, "A:0120"}, {0x0c, 0, "A:0220"},
        {0x34, -1, "A:00a0"}, {0x01, 0, "A:0008"}, {0x00, 0, "A:0000"}, {0x02, -1, "A:0090"}};
    for (const auto& [state, sharing, seen] : rows) {
      set(state, sharing);
      pictures.clear();
      Watch();
      RunUntilSeen(seen);
      if (seen == "A:0020") CHECK(pictures.back()[0].atr.size() == 33);
      watcher.reset();
    }
  }

  TEST_CASE_FIXTURE(Watching, "more than 16 readers are seen since 4:6") {
    daemon.SetPlaces(32);
    for (int i = 0; i < 20; ++i) daemon.AddReader("R" + std::to_string(i));
    Watch(6);
    loop.RunUntil([&] { return !pictures.empty(); });
    CHECK(pictures.back().size() == 20);
  }

  TEST_CASE_FIXTURE(Watching, "since 4:6, a change before the response to the registration is not lost") {
    daemon.AddReader("A");
    daemon.Hold(Command::kReaderEvents);
    Watch(6);
    RunUntilAsked(Command::kReaderEvents);
    // Registered, but the response that confirms it has not arrived.
    CHECK(pictures.empty());
    daemon.ChangeReader("A", FakeDaemon::kNoCard);
    RunUntilSeen("A:0010");
    // That was reported through one registration; the next one is made when the response arrives.
    CHECK(daemon.count(Command::kWatchReaders) == 1);
    daemon.LetGo(Command::kReaderEvents);
    RunUntilAsked(Command::kWatchReaders, 2);
    daemon.ChangeReader("A", FakeDaemon::kCardIn);
    RunUntilSeen("A:0020");
  }

  TEST_CASE_FIXTURE(Watching,
                    "since 4:6, a change while the table is being sent is followed by another table") {
    daemon.AddReader("A");
    daemon.Hold(Command::kReaderTable);
    Watch(6);
    RunUntilAsked(Command::kReaderTable);
    daemon.ChangeReader("A", FakeDaemon::kNoCard);
    RunUntilAsked(Command::kWatchReaders, 2);
    daemon.ChangeReader("A", FakeDaemon::kCardIn);
    RunUntilAsked(Command::kWatchReaders, 3);
    CHECK(daemon.count(Command::kReaderTable) == 1);
    daemon.LetGo(Command::kReaderTable);
    RunUntilAsked(Command::kReaderTable, 2);
    loop.RunUntil([&] { return pictures.size() == 2; });
    CHECK(Seen() == "A:0020");
    CHECK(pictures.back()[0].event_count == 2);
  }

  TEST_CASE("many changes in a row end in the picture of the last one, in each protocol") {
    for (const std::int32_t minor : {4, 6}) {
      CAPTURE(minor);
      Watching test;
      test.daemon.AddReader("A");
      test.Watch(minor);
      std::thread changing([&test] {
        for (int i = 0; i < 200; ++i) {
          test.daemon.ChangeReader("A", i % 2 == 0 ? FakeDaemon::kNoCard : FakeDaemon::kCardIn);
          if (i % 10 == 0) std::this_thread::yield();
        }
      });
      test.loop.RunUntil(
          [&test] { return !test.pictures.empty() && test.pictures.back()[0].event_count == 200; });
      changing.join();
      CHECK(test.Seen() == "A:0020");
    }
  }

  TEST_CASE("the end of the daemon is reported once, in every phase of the watcher") {
    for (const std::int32_t minor : {4, 6}) {
      for (const std::optional<Command> held :
           {std::optional<Command>(), std::optional(Command::kVersion),
            std::optional(minor == 4 ? Command::kWatchReaders : Command::kReaderEvents),
            std::optional(minor == 4 ? Command::kVersion : Command::kReaderTable)}) {
        CAPTURE(minor);
        Watching test;
        if (held) test.daemon.Hold(*held);
        test.Watch(minor);
        if (held) {
          test.RunUntilAsked(*held);
        } else {
          test.RunUntilSeen("");
        }
        test.daemon.Die();
        test.loop.RunUntil([&test] { return test.error.has_value(); });
        CHECK(test.error->code == status::kNoService);
        CHECK_FALSE(test.error->operation.empty());
        test.loop.RunFor(5ms);
        test.watcher.reset();
      }
    }
  }

  TEST_CASE_FIXTURE(Watching, "a missing daemon is reported") {
    const auto nowhere = backend::MakeDaemonBackend(daemon.path() + ".not");
    watcher = nowhere->Watch(loop.get(), [this](const Result<Picture>& report) { error = report.error(); });
    CHECK_FALSE(error.has_value());
    loop.RunUntil([&] { return error.has_value(); });
    CHECK(error->code == status::kNoService);
    CHECK(error->operation == "SCardEstablishContext");
  }

  TEST_CASE_FIXTURE(Watching, "a watcher that is destroyed reports nothing more, in every phase") {
    daemon.Speak(6);
    for (const Command held : {Command::kVersion, Command::kReaderEvents, Command::kReaderTable}) {
      daemon.Hold(held);
      daemon.Forget();
      Watch();
      RunUntilAsked(held);
      watcher.reset();
      daemon.LetGo(held);
      RunUntilNoLink();
    }
    CHECK(pictures.empty());
    CHECK_FALSE(error.has_value());
  }

  TEST_CASE_FIXTURE(Watching, "a watcher may be destroyed within its report") {
    daemon.Speak(6);
    watcher = backend->Watch(loop.get(), [this](const Result<Picture>&) { watcher.reset(); });
    loop.RunUntil([&] { return !watcher; });
    RunUntilNoLink();
  }
}

}  // namespace
