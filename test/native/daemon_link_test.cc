// One client's connection to pcscd: what is asked, what is answered, and what is made of nonsense.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "link_fixture.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::daemon::Control;
using pcsc_bridge::daemon::ReaderTable;
using pcsc_bridge::daemon::Version;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;
using Reply = FakeDaemon::Reply;

TEST_CASE("a link opens where the daemon agrees to protocol 4:4, or speaks a later 4") {
  FakeDaemon daemon;
  for (const std::int32_t minor : {4, 6}) {
    CAPTURE(minor);
    daemon.On(Command::kVersion, [minor](const Question& question) {
      auto version = question.As<Version>();
      CHECK(version.major == 4);
      CHECK(version.minor == 4);
      version.minor = minor;
      return ReplyOf(version);
    });
    Link link;
    CHECK(link.Open(daemon.path()) == status::kSuccess);
    CHECK(link.works());
    CHECK(AskStatus(link) == status::kSuccess);
  }
}

TEST_CASE("a daemon that refuses the version, or speaks another protocol, is one to leave alone") {
  FakeDaemon daemon;
  Link link;
  SUBCASE("refused") {
    daemon.Refuse(Command::kVersion, status::kServiceStopped);
  }
  SUBCASE("refused with some other code") {
    daemon.Refuse(Command::kVersion, status::kNoAccess);
  }
  SUBCASE("another major version") {
    daemon.On(Command::kVersion, [](const Question& question) {
      auto version = question.As<Version>();
      version.major = 5;
      return ReplyOf(version);
    });
  }
  CHECK(link.Open(daemon.path()) == status::kServiceStopped);
}

TEST_CASE("a daemon that closes instead of answering is no service, however much of the answer came") {
  FakeDaemon daemon;
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, sizeof(Version) - 1}) {
    CAPTURE(length);
    daemon.On(Command::kVersion, [length](const Question& question) {
      return Reply{Bytes(question.message.begin(), question.message.begin() + static_cast<long>(length)), 0,
                   true};
    });
    Link link;
    CHECK(link.Open(daemon.path()) == status::kNoService);
    CHECK_FALSE(link.works());
  }
}

TEST_CASE("without a daemon there is no service: no socket, nobody behind it, a path that none can have") {
  FakeDaemon daemon;
  const std::string longest(107, 'x');
  for (const std::string& path :
       {daemon.path() + ".not", std::string(), longest, longest + "x", "/" + std::string(500, 'x')}) {
    CAPTURE(path);
    Link link;
    CHECK(link.Open(path) == status::kNoService);
    CHECK_FALSE(link.works());
    CHECK(AskStatus(link) == status::kNoService);
  }
  daemon.Die();
  Link link;
  CHECK(link.Open(daemon.path()) == status::kNoService);
}

TEST_CASE("the longest path that a socket can have is one") {
  FakeDaemon daemon;
  std::string path = daemon.path() + ".";
  path.append(107 - path.size(), 'x');
  std::filesystem::create_symlink(daemon.path(), path);
  Link link;
  CHECK(link.Open(path) == status::kSuccess);
}

TEST_CASE_FIXTURE(Opened, "an answer that comes in pieces is the same answer") {
  daemon.AddReader("R");
  daemon.Piecemeal(Command::kStatus, 1);
  daemon.Piecemeal(Command::kReaderStates, 100);
  daemon.Refuse(Command::kStatus, status::kResetCard);
  CHECK(AskStatus(link) == status::kResetCard);
  ReaderTable states;
  REQUIRE(link.AskReaderStates(states) == status::kSuccess);
  CHECK(std::string(states[0].name) == "R");
  CHECK(states[1].name[0] == '\0');
}

TEST_CASE_FIXTURE(Opened, "an answer that ends in the middle breaks the link for good") {
  daemon.On(Command::kReaderStates, [](const Question&) { return Reply{Bytes(100, 0), 0, true}; });
  ReaderTable states;
  CHECK(link.AskReaderStates(states) == status::kNoService);
  daemon.WaitForNoLink();
  const std::size_t asked = daemon.asked().size();
  Bytes response;
  CHECK(AskStatus(link) == status::kNoService);
  CHECK(link.AskReaderStates(states) == status::kNoService);
  CHECK(Send(link, kApdu, false) == status::kNoService);
  CHECK(Send(link, kApdu, true) == status::kNoService);
  CHECK(daemon.asked().size() == asked);
}

TEST_CASE_FIXTURE(Opened, "the output of a control is what the daemon sends, and never more than its room") {
  const Bytes input = Pattern(300);
  Bytes output(400, 0);
  Control message;
  message.send_length = static_cast<std::uint32_t>(input.size());
  message.receive_size = static_cast<std::uint32_t>(output.size());
  SUBCASE("less than its room") {
    REQUIRE(link.AskControl(message, input.data(), output.data()) == status::kSuccess);
    CHECK(message.returned == 300);
    output.resize(message.returned);
    CHECK((output == input));
  }
  SUBCASE("as much as its room") {
    message.receive_size = 300;
    output.resize(300);
    output.shrink_to_fit();  // a byte more would be one too many
    CHECK(link.AskControl(message, input.data(), output.data()) == status::kSuccess);
    CHECK((output == input));
  }
  SUBCASE("none") {
    message.send_length = message.receive_size = 0;
    CHECK(link.AskControl(message, nullptr, nullptr) == status::kSuccess);
    CHECK(message.returned == 0);
  }
  SUBCASE("refused") {
    daemon.Refuse(Command::kControl, status::kUnexpected);
    CHECK(link.AskControl(message, input.data(), output.data()) == status::kSuccess);
    CHECK(message.code == status::kUnexpected);
    CHECK(AskStatus(link) == status::kSuccess);
  }
  SUBCASE("more than its room") {
    message.receive_size = 299;
    CHECK(link.AskControl(message, input.data(), output.data()) == status::kNoService);
    CHECK((output == Bytes(400, 0)));
    CHECK_FALSE(link.works());
    CHECK(AskStatus(link) == status::kNoService);
  }
}

TEST_CASE_FIXTURE(Opened, "two links of a process do not get each other's answers") {
  Link other;
  REQUIRE(other.Open(daemon.path()) == status::kSuccess);
  REQUIRE(Send(link, {0x01}, false) == status::kSuccess);
  REQUIRE(Send(other, {0x02}, false) == status::kSuccess);
  Bytes response;
  CHECK(ReceiveAsItComes(other, response) == status::kSuccess);
  CHECK((response == Bytes{0x02, 0x90, 0x00}));
  CHECK(ReceiveAsItComes(link, response) == status::kSuccess);
  CHECK((response == Bytes{0x01, 0x90, 0x00}));
}

}  // namespace
