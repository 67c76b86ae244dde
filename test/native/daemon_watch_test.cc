// SCardGetStatusChange and SCardCancel as questions to pcscd.
#include "backend/daemon/watch.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "answer.h"
#include "fake_daemon.h"
#include "backend/library/context.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Context;
using pcsc_bridge::Done;
using pcsc_bridge::kPnpNotification;
using pcsc_bridge::Library;
using pcsc_bridge::ReaderStatus;
using pcsc_bridge::Result;
using pcsc_bridge::daemon::Command;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
using namespace std::chrono_literals;
namespace reader_state = pcsc_bridge::reader_state;
namespace status = pcsc_bridge::status;

using Readers = std::vector<ReaderStatus>;

constexpr auto kNoLimit = std::nullopt;
constexpr std::uint32_t kNowhere = reader_state::kUnknown | reader_state::kUnavailable;

Readers Named(const std::vector<std::string>& names) {
  Readers readers;
  for (const std::string& name : names) readers.emplace_back().reader = name;
  return readers;
}

struct Watching {
  Watching() : context(Context::Establish(*pcsc_bridge::platform::DaemonLibrary())) {
    REQUIRE(context.ok());
    daemon.AddReader("R");
    readers = Named({"R"});
    REQUIRE(Look().ok());
    daemon.Forget();
  }
  Result<Done> Look() { return context->GetStatusChange(readers, 0ms); }
  Result<Done> Wait() { return context->GetStatusChange(readers, kNoLimit); }
  // Once somebody waits: those who asked to be told of changes so often.
  std::thread WhenWaiting(std::function<void()> action, std::size_t times = 1) {
    return std::thread([this, action = std::move(action), times] {
      daemon.WaitForAsked(Command::kWatchReaders, times);
      action();
    });
  }

  FakeDaemon daemon;
  Result<Context> context;
  Readers readers;
};

struct State {
  std::uint32_t state;
  std::int32_t sharing;
  std::uint32_t bits;
};

TEST_CASE("the daemon's words for a reader become those of PC/SC") {
  const State states[] = {
      {0x0001, 0, reader_state::kUnavailable},
      {0x0002, 0, reader_state::kEmpty},
      {0x0002, 1, reader_state::kEmpty},
      {0x0002, -1, reader_state::kEmpty | reader_state::kExclusive},
      {0x0004, 0, reader_state::kPresent},
      {0x000c, 0, reader_state::kPresent | reader_state::kMute},
      {FakeDaemon::kCardIn, 0, reader_state::kPresent},
      {FakeDaemon::kCardIn, 3, reader_state::kPresent | reader_state::kInUse},
      {FakeDaemon::kCardIn, -1, reader_state::kPresent | reader_state::kExclusive},
  };
  for (const State& state : states) {
    CAPTURE(state.state);
    CAPTURE(state.sharing);
    pcsc_bridge::daemon::ReaderTable table{};
    table[3].name[0] = 'R';
    table[3].state = state.state;
    table[3].sharing = state.sharing;
    pcsc_bridge::abi::ReaderState reader{};
    reader.reader = "R";
    CHECK(pcsc_bridge::daemon::Update(&reader, 1, table));
    CHECK(reader.event_state == (state.bits | reader_state::kChanged));
    reader.current_state = state.bits;
    CHECK_FALSE(pcsc_bridge::daemon::Update(&reader, 1, table));
    CHECK(reader.event_state == state.bits);
  }
}

TEST_CASE_FIXTURE(Watching, "a look tells what is, and nobody is to tell of changes") {
  daemon.AddReader("S", FakeDaemon::kNoCard, {}, 0x12345);
  readers = Named({"S", "R", kPnpNotification});
  CHECK(Look().ok());
  CHECK(readers[0].state == reader_state::kEmpty);
  CHECK(readers[0].event_count == 0x2345);
  CHECK(readers[0].atr.empty());
  CHECK(readers[1].state == reader_state::kPresent);
  CHECK((readers[1].atr == Bytes{0x3b, 0x00}));
  CHECK(readers[2].event_count == 2);
  CHECK(Look().code() == status::kTimeout);
  CHECK(daemon.log() == "readers, readers");
}

TEST_CASE_FIXTURE(Watching, "a change ends the wait: of a card, of the readers there are") {
  std::function<void()> change;
  std::uint32_t expected = reader_state::kPresent;
  SUBCASE("a card that goes") {
    change = [this] { daemon.ChangeReader("R", FakeDaemon::kNoCard); };
    expected = reader_state::kEmpty;
  }
  SUBCASE("a card exchanged for another") {
    change = [this] { daemon.ChangeReader("R", FakeDaemon::kCardIn); };
  }
  SUBCASE("a reader that comes") {
    readers = Named({"R", kPnpNotification});
    REQUIRE(Look().ok());
    change = [this] { daemon.AddReader("S"); };
  }
  SUBCASE("the reader itself goes") {
    change = [this] { daemon.RemoveReader("R"); };
    expected = kNowhere;
  }
  std::thread other = WhenWaiting(change);
  CHECK(Wait().ok());
  other.join();
  CHECK(readers[0].state == expected);
  CHECK(Look().code() == (expected == kNowhere ? status::kUnknownReader : status::kTimeout));
}

TEST_CASE_FIXTURE(Watching, "what has changed before the wait is told at once") {
  daemon.ChangeReader("R", FakeDaemon::kNoCard);
  CHECK(Wait().ok());
  CHECK(readers[0].state == reader_state::kEmpty);
}

TEST_CASE_FIXTURE(Watching, "the wait goes on after a change of another reader") {
  daemon.AddReader("S");
  std::thread other = WhenWaiting([this] {
    daemon.ChangeReader("S", FakeDaemon::kNoCard);
    daemon.WaitForAsked(Command::kWatchReaders, 2);
    daemon.ChangeReader("R", FakeDaemon::kNoCard);
  });
  CHECK(Wait().ok());
  other.join();
  CHECK(daemon.log() == "watch, watch, watch");
}

TEST_CASE_FIXTURE(Watching, "who asks something else is told of no change, or has just been told") {
  REQUIRE_FALSE(context->GetStatusChange(readers, 1ms).ok());
  bool told = false;
  SUBCASE("not told") {}
  SUBCASE("told") {
    told = true;
    daemon.ChangeReader("R", FakeDaemon::kNoCard);
  }
  const Result<std::vector<std::string>> names = context->ListReaders();
  REQUIRE(names.ok());
  CHECK((names.value() == std::vector<std::string>{"R"}));
  CHECK(daemon.log() == "watch, stop-watching, readers, readers");
  CHECK(Look().code() == (told ? status::kSuccess : status::kTimeout));
}

TEST_CASE_FIXTURE(Watching, "a limited wait ends in time") {
  const auto start = std::chrono::steady_clock::now();
  CHECK(context->GetStatusChange(readers, 30ms).code() == status::kTimeout);
  CHECK(std::chrono::steady_clock::now() - start >= 30ms);
  CHECK(daemon.log() == "watch");
}

TEST_CASE_FIXTURE(Watching, "a reader that is not there cannot be waited for") {
  readers = Named({"S"});
  CHECK(Wait().code() == status::kUnknownReader);
  CHECK(Look().code() == status::kUnknownReader);
}

TEST_CASE_FIXTURE(Watching, "a cancel ends the wait, and the context stays good") {
  std::thread other = WhenWaiting([this] { context->Cancel(); });
  CHECK(Wait().code() == status::kCancelled);
  other.join();
  std::thread again = WhenWaiting([this] { daemon.ChangeReader("R", FakeDaemon::kNoCard); }, 2);
  CHECK(Wait().ok());
  again.join();
}

TEST_CASE_FIXTURE(Watching, "a cancel where nobody waits harms nobody") {
  context->Cancel();
  CHECK(Look().code() == status::kTimeout);
}

TEST_CASE_FIXTURE(Watching, "the daemon's end ends the wait") {
  std::thread other = WhenWaiting([this] { daemon.Die(); });
  CHECK(Wait().code() == status::kNoService);
  other.join();
  CHECK(Wait().code() == status::kNoService);
  CHECK(Look().code() == status::kNoService);
}

TEST_CASE("a daemon that may tell of a change in the midst of an answer is not waited for") {
  FakeDaemon daemon;
  daemon.AddReader("R");
  std::int32_t minor = 0;
  SUBCASE("4:5 does not") {
    minor = 5;
  }
  SUBCASE("4:6 does") {
    minor = 6;
  }
  daemon.On(Command::kVersion, Speaking(minor));
  const Result<Context> context = Context::Establish(*pcsc_bridge::platform::DaemonLibrary());
  REQUIRE(context.ok());
  Readers readers = Named({"R"});
  CHECK(context.value().GetStatusChange(readers, 0ms).ok());
  const Result<Done> waited = context.value().GetStatusChange(readers, 1ms);
  CHECK(waited.code() == (minor == 6 ? status::kUnsupportedFeature : status::kTimeout));
}

}  // namespace
