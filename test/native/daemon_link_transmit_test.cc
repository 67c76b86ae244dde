// SCardTransmit in two halves: commands, responses of any length, and the descriptor that tells of them.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <chrono>
#include <future>
#include <string>

#include "link_fixture.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Status;
using pcsc_bridge::daemon::Control;
using pcsc_bridge::daemon::ReaderTable;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;
using Reply = FakeDaemon::Reply;

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

TEST_CASE_FIXTURE(Opened, "after a long response the next one has its own length, whichever that is") {
  for (const bool waits : {true, false}) {
    for (const std::size_t size : {0, 2, 5000, 16383, 16384, 65535, 65536, 65537, 65548}) {
      for (const std::size_t piece : {0, 1000}) {
        CAPTURE(waits);
        CAPTURE(size);
        CAPTURE(piece);
        for (const std::size_t length : {std::size_t{20000}, size, std::size_t{2}}) {
          daemon.Piecemeal(Command::kTransmit, piece);
          daemon.On(Command::kTransmit,
                    [length](const Question& question) { return Response(question, Pattern(length)); });
          REQUIRE(Send(link, kApdu, waits) == status::kSuccess);
          Bytes response{0xff};
          CHECK((waits ? link.ReceiveTransmit(response, true).value() : ReceiveAsItComes(link, response)) ==
                status::kSuccess);
          CHECK((response == Pattern(length)));
        }
      }
    }
  }
}

TEST_CASE_FIXTURE(Opened, "after a long response a refusal is one, and a daemon that goes is no service") {
  const auto after_long = [&](const auto& answerer) {
    daemon.On(Command::kTransmit,
              [](const Question& question) { return Response(question, Pattern(20000)); });
    Bytes response;
    REQUIRE(Send(link, kApdu, false) == status::kSuccess);
    REQUIRE(ReceiveAsItComes(link, response) == status::kSuccess);
    daemon.On(Command::kTransmit, answerer);
    REQUIRE(Send(link, kApdu, false) == status::kSuccess);
    return ReceiveAsItComes(link, response);
  };
  CHECK(after_long([](const Question& question) {
          auto message = question.As<Transmit>();
          message.code = status::kSharingViolation;
          return ReplyOf(message);
        }) == status::kSharingViolation);
  CHECK(after_long([](const Question& question) {
          Reply reply = Response(question, Pattern(30000));
          reply.bytes.resize(sizeof(Transmit) + 25000);
          reply.then_close = true;
          return reply;
        }) == status::kNoService);
  CHECK(AskStatus(link) == status::kNoService);
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
  ReaderTable states;
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

}  // namespace
