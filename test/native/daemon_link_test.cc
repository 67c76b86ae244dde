// One client's connection to pcscd: what is asked, what is answered, and what is made of nonsense.
#include "pcsc/daemon_link.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include "answer.h"
#include "fake_daemon.h"
#include "pcsc/abi.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Status;
using pcsc_bridge::daemon::Command;
using pcsc_bridge::daemon::Control;
using pcsc_bridge::daemon::kMostReaders;
using pcsc_bridge::daemon::Link;
using pcsc_bridge::daemon::Plain;
using pcsc_bridge::daemon::ReaderState;
using pcsc_bridge::daemon::Transmit;
using pcsc_bridge::daemon::Version;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;
using Reply = FakeDaemon::Reply;

const Bytes kApdu{0x00, 0xa4, 0x04, 0x00};

// Bytes of which each place can be told from its neighbours.
Bytes Pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return bytes;
}

Transmit MessageFor(const Bytes& apdu) {
  Transmit message;
  message.card = 1;
  message.send_length = static_cast<std::uint32_t>(apdu.size());
  message.receive_length = pcsc_bridge::abi::kMaxExtendedBuffer;
  return message;
}

Status Send(Link& link, const Bytes& apdu, bool may_wait) {
  return link.SendTransmit(MessageFor(apdu), apdu, may_wait);
}

Status AskStatus(Link& link) {
  Plain message;
  message.card = 1;
  const Status asked = link.Ask(Command::kStatus, message);
  return asked == status::kSuccess ? message.code : asked;
}

bool WaitReadable(int fd, std::chrono::milliseconds time = kPatience) {
  pollfd wait{fd, POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(time.count())) == 1;
}

class Copy {
 public:
  explicit Copy(const Link& link) : fd_(link.CopyDescriptor()) { REQUIRE(fd_ >= 0); }
  ~Copy() { close(fd_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// As an event loop does: looks only when there is something to see.
Status ReceiveAsItComes(Link& link, Bytes& response, int* looks = nullptr) {
  const Copy copy(link);
  for (;;) {
    REQUIRE(WaitReadable(copy.fd()));
    if (looks != nullptr) ++*looks;
    if (const std::optional<Status> code = link.ReceiveTransmit(response, false)) return *code;
  }
}

struct Opened {
  Opened() { REQUIRE(link.Open(daemon.path()) == status::kSuccess); }
  FakeDaemon daemon;
  Link link;
};

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
  std::array<ReaderState, kMostReaders> states;
  REQUIRE(link.AskReaderStates(states) == status::kSuccess);
  CHECK(std::string(states[0].name) == "R");
  CHECK(states[1].name[0] == '\0');
}

TEST_CASE_FIXTURE(Opened, "an answer that ends in the middle breaks the link for good") {
  daemon.On(Command::kReaderStates, [](const Question&) { return Reply{Bytes(100, 0), 0, true}; });
  std::array<ReaderState, kMostReaders> states;
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

TEST_CASE_FIXTURE(Opened, "a response has the length that the daemon says, from none to the longest") {
  for (const bool waits : {true, false}) {
    for (const std::size_t size : {0, 2, 4095, 4096, 4097, 65538, 65548}) {
      for (const std::size_t piece : {0, 1, 1000}) {
        if (piece == 1 && size > 2) continue;  // the pieces of the long ones are long, too
        CAPTURE(waits);
        CAPTURE(size);
        CAPTURE(piece);
        daemon.Piecemeal(Command::kTransmit, piece);
        daemon.On(Command::kTransmit,
                  [size](const Question& question) { return Response(question, Pattern(size)); });
        REQUIRE(Send(link, kApdu, waits) == status::kSuccess);
        Bytes response{0xff};
        int looks = 0;
        const Status code =
            waits ? link.ReceiveTransmit(response, true).value() : ReceiveAsItComes(link, response, &looks);
        CHECK(code == status::kSuccess);
        CHECK((response == Pattern(size)));
        // Each piece was one of its own, at least while the message itself came.
        if (!waits && piece == 1) CHECK(looks > static_cast<int>(sizeof(Transmit)) / 2);
      }
    }
  }
  CHECK((daemon.asked(Command::kTransmit).back().data == kApdu));
}

TEST_CASE_FIXTURE(Opened, "a response whose first bytes come with its message, the rest byte by byte") {
  daemon.Piecemeal(Command::kTransmit, 4);
  for (const std::size_t size : {4095, 4097, 5000}) {
    CAPTURE(size);
    daemon.On(Command::kTransmit,
              [size](const Question& question) { return Response(question, Pattern(size)); });
    REQUIRE(Send(link, kApdu, false) == status::kSuccess);
    Bytes response;
    CHECK(ReceiveAsItComes(link, response) == status::kSuccess);
    CHECK((response == Pattern(size)));
  }
}

TEST_CASE_FIXTURE(Opened, "a command that the daemon refuses has its code and no response") {
  daemon.Refuse(Command::kTransmit, status::kSharingViolation, 2);
  for (const bool waits : {true, false}) {
    // The length in a refusal is the room that there was: nothing follows.
    REQUIRE(Send(link, kApdu, waits) == status::kSuccess);
    Bytes response;
    CHECK((waits ? link.ReceiveTransmit(response, true).value() : ReceiveAsItComes(link, response)) ==
          status::kSharingViolation);
    CHECK(response.empty());
  }
  CHECK(AskStatus(link) == status::kSuccess);
}

TEST_CASE("a response longer than can be, or than it says, breaks the link for good") {
  FakeDaemon daemon;
  std::size_t said = 0;
  std::size_t sent = 0;
  SUBCASE("longer than the longest, nothing behind it") {
    said = 65549;
  }
  SUBCASE("longer than the longest, and so are the bytes") {
    said = sent = 65549;
  }
  SUBCASE("as long as a number can be") {
    said = 0xffffffff;
    sent = 5000;
  }
  SUBCASE("more bytes than it says") {
    said = 2;
    sent = 3;
  }
  SUBCASE("a beginning full of bytes that it does not say") {
    said = 2;
    sent = 5000;
  }
  daemon.On(Command::kTransmit, [=](const Question& question) {
    auto message = question.As<Transmit>();
    message.receive_length = static_cast<std::uint32_t>(said);
    return ReplyOf(message, Pattern(sent));
  });
  for (const bool waits : {true, false}) {
    CAPTURE(waits);
    Link link;
    REQUIRE(link.Open(daemon.path()) == status::kSuccess);
    REQUIRE(Send(link, kApdu, waits) == status::kSuccess);
    Bytes response;
    CHECK((waits ? link.ReceiveTransmit(response, true).value() : ReceiveAsItComes(link, response)) ==
          status::kNoService);
    CHECK(response.empty());
    CHECK_FALSE(link.works());
    CHECK(AskStatus(link) == status::kNoService);
    CHECK(Send(link, kApdu, true) == status::kNoService);
  }
}

TEST_CASE_FIXTURE(Opened, "a daemon that goes in the middle of a response is no service") {
  std::size_t comes = 0;
  SUBCASE("before it") {
    comes = 0;
  }
  SUBCASE("in its message") {
    comes = sizeof(Transmit) - 1;
  }
  SUBCASE("after its message") {
    comes = sizeof(Transmit);
  }
  SUBCASE("in its beginning") {
    comes = sizeof(Transmit) + 10;
  }
  SUBCASE("in its rest") {
    comes = sizeof(Transmit) + 4500;
  }
  daemon.On(Command::kTransmit, [=](const Question& question) {
    Reply reply = Response(question, Pattern(5000));
    reply.bytes.resize(comes);
    reply.then_close = true;
    return reply;
  });
  for (const bool waits : {true, false}) {
    Link fresh;
    REQUIRE(fresh.Open(daemon.path()) == status::kSuccess);
    REQUIRE(Send(fresh, kApdu, waits) == status::kSuccess);
    Bytes response;
    CHECK((waits ? fresh.ReceiveTransmit(response, true).value() : ReceiveAsItComes(fresh, response)) ==
          status::kNoService);
    CHECK(AskStatus(fresh) == status::kNoService);
  }
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

TEST_CASE_FIXTURE(Opened, "whatever is asked while a command is under way gets its own answer") {
  daemon.On(Command::kTransmit, [](const Question& question) { return Response(question, Pattern(6000)); });
  bool some_came = false;
  SUBCASE("nothing of the response has come") {}
  SUBCASE("some of it has come") {
    some_came = true;
  }
  Bytes response;
  const auto start = [&] {
    REQUIRE(Send(link, kApdu, false) == status::kSuccess);
    if (!some_came) return;
    const Copy copy(link);
    REQUIRE(WaitReadable(copy.fd()));
    (void)link.ReceiveTransmit(response, false);
  };
  if (some_came) {
    daemon.On(Command::kTransmit, [](const Question& question) {
      Reply reply = Response(question, Pattern(6000));
      reply.piece = 16;
      return reply;
    });
  }

  start();
  daemon.Refuse(Command::kStatus, status::kResetCard);
  CHECK(AskStatus(link) == status::kResetCard);

  start();
  std::array<ReaderState, kMostReaders> states;
  daemon.AddReader("R");
  CHECK(link.AskReaderStates(states) == status::kSuccess);
  CHECK(std::string(states[0].name) == "R");

  start();
  const Bytes input = Pattern(10);
  Bytes output(10, 0);
  Control message;
  message.send_length = message.receive_size = 10;
  CHECK(link.AskControl(message, input.data(), output.data()) == status::kSuccess);
  CHECK((output == input));

  start();
  daemon.On(Command::kTransmit, nullptr);
  CHECK(Send(link, {0x01}, false) == status::kServerTooBusy);
  CHECK(Send(link, {0x02}, true) == status::kSuccess);
  CHECK(link.ReceiveTransmit(response, true).value() == status::kSuccess);
  CHECK((response == Bytes{0x02, 0x90, 0x00}));
}

TEST_CASE_FIXTURE(Opened, "a response that breaks the link breaks the question that waits for it, too") {
  daemon.On(Command::kTransmit, [](const Question&) { return Reply{Bytes(), 0, true}; });
  REQUIRE(Send(link, kApdu, false) == status::kSuccess);
  CHECK(AskStatus(link) == status::kNoService);
  CHECK(daemon.count(Command::kStatus) == 0);
}

TEST_CASE_FIXTURE(Opened, "a command that might have to wait for room is left to who may wait") {
  const Bytes fits = Pattern(16 * 1024 - sizeof(Transmit) - 8);
  const Bytes does_not = Pattern(fits.size() + 1);
  Bytes response;
  CHECK(Send(link, does_not, false) == status::kServerTooBusy);
  CHECK(Send(link, fits, false) == status::kSuccess);
  CHECK(link.ReceiveTransmit(response, true).value() == status::kSuccess);
  CHECK(Send(link, does_not, true) == status::kSuccess);
  CHECK(link.ReceiveTransmit(response, true).value() == status::kSuccess);
  const std::vector<Question> sent = daemon.asked(Command::kTransmit);
  REQUIRE(sent.size() == 2);
  CHECK((sent[0].data == fits));
  CHECK((sent[1].data == does_not));
}

TEST_CASE_FIXTURE(Opened, "who may wait sends the longest command, however little the socket takes at once") {
  const Copy copy(link);
  const int least = 1;  // the system makes it the least that there is
  REQUIRE(setsockopt(copy.fd(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least) == 0);
  bool non_blocking = false;
  SUBCASE("as it is") {}
  SUBCASE("made non-blocking by who watches a copy") {
    non_blocking = true;
  }
  if (non_blocking) REQUIRE(fcntl(copy.fd(), F_SETFL, O_NONBLOCK) == 0);
  const Bytes longest = Pattern(65544);
  REQUIRE(Send(link, longest, true) == status::kSuccess);
  Bytes response;
  CHECK(link.ReceiveTransmit(response, true).value() == status::kSuccess);
  CHECK((daemon.asked(Command::kTransmit).at(0).data == longest));
}

TEST_CASE_FIXTURE(Opened, "a copy of the descriptor is readable when there is something to receive") {
  const Copy copy(link);
  daemon.Hold(Command::kTransmit);
  REQUIRE(Send(link, kApdu, false) == status::kSuccess);
  daemon.WaitForAsked(Command::kTransmit, 1);
  Bytes response;
  CHECK_FALSE(WaitReadable(copy.fd(), std::chrono::milliseconds(0)));
  CHECK_FALSE(link.ReceiveTransmit(response, false).has_value());
  daemon.LetGo(Command::kTransmit);
  CHECK(WaitReadable(copy.fd()));
  CHECK(ReceiveAsItComes(link, response) == status::kSuccess);
  CHECK_FALSE(WaitReadable(copy.fd(), std::chrono::milliseconds(0)));
}

TEST_CASE(
    "a copy of the descriptor stays when the link goes, and does not keep the daemon from seeing that") {
  FakeDaemon daemon;
  auto link = std::make_optional<Link>();
  REQUIRE(link->Open(daemon.path()) == status::kSuccess);
  const Copy copy(*link);
  const Copy another(*link);
  CHECK(daemon.links() == 1);
  link.reset();
  daemon.WaitForNoLink();
  CHECK(fcntl(copy.fd(), F_GETFD) >= 0);
  CHECK((fcntl(copy.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(WaitReadable(copy.fd()));  // an end is something to see
  char byte = 0;
  CHECK(recv(copy.fd(), &byte, 1, 0) == 0);
}

TEST_CASE_FIXTURE(Opened, "a copy of the descriptor that is made non-blocking breaks no call that waits") {
  const Copy copy(link);
  REQUIRE(fcntl(copy.fd(), F_SETFL, O_NONBLOCK) == 0);
  Command command{};
  std::function<Status()> ask;
  SUBCASE("for an answer") {
    command = Command::kStatus;
    ask = [&] { return AskStatus(link); };
  }
  SUBCASE("for a response") {
    command = Command::kTransmit;
    ask = [&] {
      Bytes response;
      const Status sent = Send(link, kApdu, true);
      return sent == status::kSuccess ? link.ReceiveTransmit(response, true).value() : sent;
    };
  }
  daemon.Hold(command);
  std::future<Status> asked = std::async(std::launch::async, ask);
  daemon.WaitForAsked(command, 1);
  CHECK(asked.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout);
  daemon.LetGo(command);
  CHECK(asked.get() == status::kSuccess);
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
