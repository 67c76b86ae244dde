// Commands and responses of any length, sent and received in any pieces.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "backend/daemon/link.h"
#include "daemon_fixture.h"
#include "pcsc/abi.h"

namespace {

using namespace pcsc_bridge;        // NOLINT
using namespace pcsc_bridge::test;  // NOLINT
using backend::Control;
using backend::ListReaders;
using Answer = daemon::Link::Answer;
using Question = FakeDaemon::Question;
using Reply = FakeDaemon::Reply;

const Bytes kApdu{0x00, 0xa4, 0x04, 0x00};

backend::Transmit Sending(const Bytes& apdu) {
  return backend::Transmit{Secretly(apdu)};
}

TEST_SUITE("daemon link, transmit") {
  TEST_CASE_FIXTURE(WithCard,
                    "a response has the length that the daemon reports, from the shortest to the longest") {
    for (const std::size_t size : {2, 4063, 4064, 4065, 20000, 2, 65535, 65538, 65548}) {
      for (const std::size_t piece : {0, 1, 1000}) {
        if (piece == 1 && size > 4065) continue;  // one byte at a time is slow
        CAPTURE(size);
        CAPTURE(piece);
        daemon.Piecemeal(Command::kTransmit, piece);
        daemon.On(Command::kTransmit,
                  [size](const Question& question) { return Response(question, Pattern(size)); });
        backend::Outcome outcome = Do(Sending(kApdu));
        REQUIRE(outcome.ok());
        CHECK((outcome->bytes == Pattern(size)));
        CHECK_FALSE(outcome->waited);
      }
    }
    CHECK((daemon.asked(Command::kTransmit).back().data == kApdu));
  }

  TEST_CASE_FIXTURE(WithCard,
                    "after a long response an error is returned correctly, and so is the next response") {
    daemon.On(Command::kTransmit,
              [](const Question& question) { return Response(question, Pattern(20000)); });
    REQUIRE(Do(Sending(kApdu)).ok());
    daemon.Refuse(Command::kTransmit, status::kRemovedCard);
    const backend::Outcome refused = Do(Sending(kApdu));
    CHECK(refused.code() == status::kRemovedCard);
    CHECK(refused.error().operation == "SCardTransmit");
    CHECK(refused.error().reader == "R");
    daemon.On(Command::kTransmit, nullptr);
    backend::Outcome outcome = Do(Sending({0x01}));
    REQUIRE(outcome.ok());
    CHECK((outcome->bytes == Bytes{0x01, 0x90, 0x00}));
  }

  TEST_CASE_FIXTURE(WithCard, "a command is sent completely, with the protocol of the card") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{5}, abi::kMaxExtendedBuffer}) {
      CAPTURE(size);
      daemon.Forget();
      daemon.On(Command::kTransmit, [](const Question& question) {
        return Response(question, {0x90, 0x00});
      });
      REQUIRE(Do(Sending(Pattern(size))).ok());
      const Question question = daemon.asked(Command::kTransmit).at(0);
      CHECK((question.data == Pattern(size)));
      const auto message = question.As<daemon::Transmit>();
      CHECK(message.send_protocol == kT1);
      CHECK(message.send_length == size);
      CHECK(message.receive_length == abi::kMaxExtendedBuffer);
    }
    CHECK(Do(Sending(Pattern(abi::kMaxExtendedBuffer + 1))).code() == status::kInsufficientBuffer);
  }

  TEST_CASE_FIXTURE(WithCard,
                    "a command is sent with the protocol of the call; raw responses may have one byte") {
    daemon.On(Command::kTransmit, [](const Question& question) { return Response(question, {0x2a}); });
    backend::Transmit call = Sending(kApdu);
    call.protocol = kT0;
    CHECK(Do(call).code() == status::kCommDataLost);
    call.protocol = kRaw;
    const backend::Outcome outcome = Do(call);
    REQUIRE(outcome.ok());
    CHECK((outcome.value().bytes == Bytes{0x2a}));
    std::vector<std::uint32_t> sent;
    for (const Question& question : daemon.asked(Command::kTransmit)) {
      sent.push_back(question.As<daemon::Transmit>().send_protocol);
    }
    CHECK((sent == std::vector<std::uint32_t>{kT0, kRaw}));
  }

  TEST_CASE_FIXTURE(WithCard, "a response without a status word is lost data, except in the raw protocol") {
    daemon.On(Command::kTransmit, [](const Question& question) { return Response(question, {0x90}); });
    CHECK(Do(Sending(kApdu)).code() == status::kCommDataLost);
    daemon.On(Command::kReconnect, [](const Question& question) {
      auto message = question.As<daemon::Reconnect>();
      message.active_protocol = kRaw;
      return ReplyOf(message);
    });
    REQUIRE(Do(backend::Reconnect{ShareMode::kShared, kRaw, Disposition::kLeave}).ok());
    CHECK(Do(Sending(kApdu)).ok());
  }

  TEST_CASE_FIXTURE(
      WithCard, "a response longer than the limit, or than announced, breaks the connection permanently") {
    std::size_t said = 0;
    std::size_t sent = 0;
    SUBCASE("longer than the limit, without data") {
      said = 65549;
    }
    SUBCASE("longer than the limit, with that much data") {
      said = sent = 65549;
    }
    SUBCASE("as long as the field allows") {
      said = 0xffffffff;
      sent = 5000;
    }
    SUBCASE("more bytes than announced") {
      said = 2;
      sent = 3;
    }
    SUBCASE("a buffer full of unannounced bytes") {
      said = 2;
      sent = 5000;
    }
    daemon.On(Command::kTransmit, [=](const Question& question) {
      auto message = question.As<daemon::Transmit>();
      message.receive_length = static_cast<std::uint32_t>(said);
      return ReplyOf(message, Pattern(sent));
    });
    backend::Outcome outcome = Do(Sending(kApdu));
    // If the response itself was complete, the bytes after it are detected later.
    if (outcome.ok()) outcome = Do(Sending(kApdu));
    CHECK(outcome.code() == status::kCommError);
    CHECK(Do(backend::Status{}).code() == status::kCommError);
    RunUntilNoLink();
  }

  TEST_CASE_FIXTURE(WithCard, "a daemon that ends in the middle of a response is no service") {
    std::size_t comes = 0;
    SUBCASE("before it") {}
    SUBCASE("in its message") {
      comes = sizeof(daemon::Transmit) - 1;
    }
    SUBCASE("after its message") {
      comes = sizeof(daemon::Transmit);
    }
    SUBCASE("at the start of its data") {
      comes = sizeof(daemon::Transmit) + 10;
    }
    SUBCASE("in the rest of its data") {
      comes = sizeof(daemon::Transmit) + 4500;
    }
    daemon.On(Command::kTransmit, [=](const Question& question) {
      Reply reply = Response(question, Pattern(5000));
      reply.bytes.resize(comes);
      reply.then_close = true;
      return reply;
    });
    const backend::Outcome outcome = Do(Sending(kApdu));
    CHECK(outcome.code() == status::kNoService);
    CHECK(outcome.error().operation == "SCardTransmit");
    CHECK(Do(backend::Status{}).code() == status::kNoService);
    CHECK(Do(ListReaders{}).code() == status::kNoService);
  }

  TEST_CASE_FIXTURE(WithCard,
                    "the output of a control is what the daemon sends, and never exceeds the buffer") {
    for (const std::size_t size : {0, 300, 5000, 65548}) {
      CAPTURE(size);
      backend::Outcome outcome = Do(Control{0x42000d48, Secretly(Pattern(size))});
      REQUIRE(outcome.ok());
      CHECK((outcome->bytes == Pattern(size)));
    }
    REQUIRE(Do(Control{0x42000d48, nullptr}).ok());
    const auto message = daemon.asked(Command::kControl).at(1).As<daemon::Control>();
    CHECK(message.control_code == 0x42000d48);
    CHECK(message.send_length == 300);
    CHECK(Do(Control{1, Secretly(Pattern(abi::kMaxExtendedBuffer + 1))}).code() ==
          status::kInsufficientBuffer);
    daemon.On(Command::kControl, [](const Question& question) {
      auto answer = question.As<daemon::Control>();
      answer.returned = answer.receive_size + 1;
      return ReplyOf(answer);
    });
    CHECK(Do(Control{1, nullptr}).code() == status::kCommError);
  }

  TEST_CASE_FIXTURE(WithDaemon, "an answer in pieces is the same as in one piece") {
    daemon.AddReader("R");
    std::int32_t minor = 4;
    SUBCASE("with the table of 4:4") {}
    SUBCASE("with the table of 4:6") {
      minor = 6;
    }
    daemon.Speak(minor);
    for (const Command command : {Command::kVersion, Command::kConnect, Command::kStatus,
                                  Command::kReaderStates, Command::kReaderTableSize, Command::kReaderTable}) {
      daemon.Piecemeal(command, 3);
    }
    REQUIRE(Do(backend::Connect{"R", ShareMode::kShared, kT1}).ok());
    backend::Outcome outcome = Do(backend::Status{});
    REQUIRE(outcome.ok());
    CHECK((outcome->status.atr == Bytes{0x3b, 0x00}));
  }

  TEST_CASE_FIXTURE(WithCard,
                    "a command that does not fit into the socket buffer is sent when there is room") {
    // The daemon reads nothing while it holds an answer: the requests behind it fill the socket.
    daemon.Hold(Command::kStatus);
    auto link = std::make_shared<daemon::Link>(loop.get(), daemon.path());
    bool opened = false;
    link->Open([&](const Result<Answer>& answer) { opened = answer.ok(); });
    loop.RunUntil([&] { return opened; });
    daemon::Plain status_message;
    bool status_came = false;
    link->Ask(Command::kStatus, status_message,
              [&](const Result<Answer>& answer) { status_came = answer.ok(); });
    constexpr std::size_t kCommands = 8;  // more than the socket buffer holds
    std::size_t responses = 0;
    for (std::size_t i = 0; i < kCommands; ++i) {
      const Bytes apdu = Pattern(60000 + i);
      daemon::Transmit message;
      message.send_length = static_cast<std::uint32_t>(apdu.size());
      link->Ask(
          Command::kTransmit, message,
          [&, i, apdu](const Result<Answer>& answer) {
            REQUIRE(answer.ok());
            const Bytes& response = answer.value().data;
            CHECK(responses++ == i);
            CHECK((Bytes(response.begin(), response.end() - 2) == apdu));
          },
          Secretly(apdu));
    }
    daemon.WaitForAsked(Command::kStatus, 1);
    loop.RunFor(std::chrono::milliseconds(5));
    CHECK_FALSE(status_came);
    daemon.LetGo(Command::kStatus);
    loop.RunUntil([&] { return responses == kCommands; });
    CHECK(status_came);
    link->Close();
  }

  TEST_CASE_FIXTURE(WithCard, "a daemon that ends while a command is being sent is no service") {
    daemon.Hold(Command::kStatus);
    auto link = std::make_shared<daemon::Link>(loop.get(), daemon.path());
    bool opened = false;
    link->Open([&](const Result<Answer>& answer) { opened = answer.ok(); });
    loop.RunUntil([&] { return opened; });
    std::size_t failures = 0;
    link->Ask(Command::kStatus, daemon::Plain(), [&](const Result<Answer>& answer) {
      CHECK(answer.code() == status::kNoService);
      ++failures;
    });
    for (std::size_t i = 0; i < 8; ++i) {
      daemon::Transmit message;
      message.send_length = 60000;
      link->Ask(
          Command::kTransmit, message,
          [&](const Result<Answer>& answer) {
            CHECK(answer.code() == status::kNoService);
            ++failures;
          },
          Secretly(Pattern(60000)));
    }
    daemon.WaitForAsked(Command::kStatus, 1);
    daemon.Die();
    loop.RunUntil([&] { return failures == 9; });
    link->Close();
  }
}

}  // namespace
