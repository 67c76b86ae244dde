// The functions of PC/SC as questions to pcscd, through the core's contexts and cards.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "fake_daemon.h"
#include "backend/library/card.h"
#include "backend/library/context.h"
#include "backend/library/library.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::Card;
using pcsc_bridge::CardState;
using pcsc_bridge::CardStatus;
using pcsc_bridge::Context;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::kT0;
using pcsc_bridge::kT1;
using pcsc_bridge::Library;
using pcsc_bridge::Protocols;
using pcsc_bridge::Result;
using pcsc_bridge::ShareMode;
using pcsc_bridge::Status;
using namespace pcsc_bridge::daemon;  // NOLINT: its commands and messages, all over
using namespace pcsc_bridge::test;    // NOLINT: the words of the tests
namespace abi = pcsc_bridge::abi;
namespace status = pcsc_bridge::status;

using Question = FakeDaemon::Question;
using Reply = FakeDaemon::Reply;

const Library& Table() {
  return *pcsc_bridge::platform::DaemonLibrary();
}

struct Established {
  Established() : context(Context::Establish(Table())) { REQUIRE(context.ok()); }
  FakeDaemon daemon;
  Result<Context> context;
};

struct Connected : Established {
  Connected() : card(Card::Connect(*context, "R", ShareMode::kShared, kT0 | kT1)) {
    REQUIRE(card.ok());
    daemon.Forget();
  }
  Result<Card> card;
};

TEST_CASE("a context is the daemon's, from its establishing to its release") {
  FakeDaemon daemon;
  {
    const Result<Context> context = Context::Establish(Table());
    REQUIRE(context.ok());
    CHECK(context.value().IsValid());
    CHECK(daemon.log() == "version, establish, readers");
    CHECK(daemon.asked(Command::kEstablishContext)[0].As<EstablishContext>().scope == abi::kScopeSystem);
  }
  CHECK(daemon.log() == "version, establish, readers, release");
  CHECK(daemon.asked(Command::kReleaseContext)[0].As<ReleaseContext>().context == FakeDaemon::kFirstNumber);
  daemon.WaitForNoLink();
}

TEST_CASE("a context that the daemon does not give leaves nothing open") {
  FakeDaemon daemon;
  daemon.Refuse(Command::kEstablishContext, status::kNoMemory);
  const Result<Context> context = Context::Establish(Table());
  CHECK(context.code() == status::kNoMemory);
  CHECK(context.error().operation == "SCardEstablishContext");
  daemon.WaitForNoLink();
}

TEST_CASE_FIXTURE(Established, "a context does not outlive its daemon") {
  daemon.Die();
  CHECK_FALSE(context->IsValid());
  CHECK(context->ListReaders().code() == status::kNoService);
  CHECK(Card::Connect(*context, "R", ShareMode::kShared, kT1).code() == status::kNoService);
  CHECK(Context::Establish(Table()).code() == status::kNoService);
}

TEST_CASE_FIXTURE(Established,
                  "the readers are those that the daemon has: none, some, all that it can have") {
  Result<std::vector<std::string>> readers = context->ListReaders();
  REQUIRE(readers.ok());
  CHECK(readers->empty());
  std::vector<std::string> expected;
  const auto add = [&](const std::string& name) {
    daemon.AddReader(name);
    expected.push_back(name);
  };
  add("R");
  add("Läser 00 00");
  add(std::string(127, 'n'));
  readers = context->ListReaders();
  REQUIRE(readers.ok());
  CHECK((readers.value() == expected));
  while (expected.size() < kMostReaders) add("reader " + std::to_string(expected.size()));
  readers = context->ListReaders();
  REQUIRE(readers.ok());
  CHECK((readers.value() == expected));
}

TEST_CASE_FIXTURE(Established, "a reader's name that fills its place ends with it") {
  daemon.AddReader(std::string(128, 'n'));
  daemon.AddReader("R");
  const Result<std::vector<std::string>> readers = context->ListReaders();
  REQUIRE(readers.ok());
  CHECK((readers.value() == std::vector<std::string>{std::string(128, 'n'), "R"}));
}

TEST_CASE_FIXTURE(Established, "a list of readers that does not fit tells its length") {
  daemon.AddReader("R");
  abi::Dword length = 2;
  char names[3] = {'x', 'x', 'x'};
  CHECK(abi::ToStatus(Table().list_readers(context->handle(), nullptr, names, &length)) ==
        status::kInsufficientBuffer);
  CHECK(length == 3);
  CHECK(std::string(names, 3) == "xxx");
  CHECK(abi::ToStatus(Table().list_readers(context->handle(), nullptr, names, &length)) == status::kSuccess);
  CHECK((std::string(names, 3) == std::string("R\0\0", 3)));
}

TEST_CASE_FIXTURE(Established, "there is one group of readers") {
  const Result<std::vector<std::string>> groups = context->ListReaderGroups();
  REQUIRE(groups.ok());
  CHECK((groups.value() == std::vector<std::string>{"SCard$DefaultReaders"}));
}

TEST_CASE_FIXTURE(Established,
                  "a card is connected with what was asked for, and speaks what the daemon says") {
  const std::string name(127, 'n');
  daemon.On(Command::kConnect, [](const Question& question) {
    auto message = question.As<Connect>();
    message.card = 77;
    message.active_protocol = 1;
    return ReplyOf(message);
  });
  {
    const Result<Card> card = Card::Connect(*context, name, ShareMode::kExclusive, kT0);
    REQUIRE(card.ok());
    CHECK(card.value().protocol() == kT0);
    CHECK(card.value().reader() == name);
  }
  const auto asked = daemon.asked(Command::kConnect)[0].As<Connect>();
  CHECK(asked.context == FakeDaemon::kFirstNumber);
  CHECK(std::string(asked.reader) == name);
  CHECK(asked.share_mode == 1);
  CHECK(asked.protocols == kT0);
  const auto disconnected = daemon.asked(Command::kDisconnect)[0].As<Dispose>();
  CHECK(disconnected.card == 77);
  CHECK(disconnected.disposition == 0);
}

TEST_CASE_FIXTURE(Established, "a name longer than a reader can have is unknown, and nobody is asked") {
  for (const std::size_t length : {128, 129, 5000}) {
    const Result<Card> card =
        Card::Connect(*context, std::string(length, 'n'), ShareMode::kShared, kT0 | kT1);
    CHECK(card.code() == status::kUnknownReader);
  }
  CHECK(daemon.count(Command::kConnect) == 0);
}

TEST_CASE_FIXTURE(Connected, "the status has the bits of the mask, the card's ATR and its protocol") {
  // Events in the high word do not make a state.
  daemon.AddReader("other", 0x0002, {}, 3);
  daemon.AddReader("R", 0x0034, {0x3b, 0x01, 0x02}, 5);
  const Result<CardStatus> state = card->GetStatus();
  REQUIRE(state.ok());
  CHECK((state.value().state == CardState::kNegotiable));
  CHECK(state.value().protocol == kT1);
  CHECK((state.value().atr == Bytes{0x3b, 0x01, 0x02}));
}

TEST_CASE_FIXTURE(Connected, "the status of a reader gives its name and its events to who asks for them") {
  daemon.AddReader("R", 0x0054, {0x3b}, 5);
  abi::ContextHandle whose = 0;
  abi::CardHandle handle = 0;
  abi::Dword active = 0;
  REQUIRE(Table().establish_context(abi::kScopeSystem, nullptr, nullptr, &whose) == 0);
  REQUIRE(Table().connect(whose, "R", 2, 3, &handle, &active) == 0);
  char name[2] = {};
  unsigned char atr[1] = {};
  abi::Dword name_length = 2, state = 0, protocol = 0, atr_length = 1;
  CHECK(Table().status(handle, name, &name_length, &state, &protocol, atr, &atr_length) == 0);
  CHECK(std::string(name) == "R");
  CHECK(state == 0x00050054);
  name_length = 1;
  CHECK(abi::ToStatus(Table().status(handle, name, &name_length, &state, &protocol, atr, &atr_length)) ==
        status::kInsufficientBuffer);
  CHECK(name_length == 2);
  atr_length = 0;
  CHECK(abi::ToStatus(Table().status(handle, name, &name_length, &state, &protocol, atr, &atr_length)) ==
        status::kInsufficientBuffer);
  CHECK(atr_length == 1);
  CHECK(Table().release_context(whose) == 0);
}

TEST_CASE_FIXTURE(Connected, "an ATR longer than can be is cut, one of a reader that has gone is not there") {
  CHECK(card->GetStatus().code() == status::kReaderUnavailable);
  daemon.AddReader("R", FakeDaemon::kCardIn, Bytes(200, 0x3b));
  const Result<CardStatus> state = card->GetStatus();
  REQUIRE(state.ok());
  CHECK((state.value().atr == Bytes(33, 0x3b)));
}

TEST_CASE_FIXTURE(Connected, "a card's own answer to a command is what comes back, errors as they are") {
  CHECK((card->Transmit({0x01, 0x02}).value() == Bytes{0x01, 0x02, 0x90, 0x00}));
  const Question asked = daemon.asked(Command::kTransmit)[0];
  CHECK(asked.As<Transmit>().send_protocol == kT1);
  CHECK(asked.As<Transmit>().send_length == 2);
  CHECK(asked.As<Transmit>().receive_length == abi::kMaxExtendedBuffer);
  daemon.Refuse(Command::kTransmit, status::kRemovedCard);
  const Result<Bytes> refused = card->Transmit({0x01});
  CHECK(refused.code() == status::kRemovedCard);
  CHECK(refused.error().operation == "SCardTransmit");
  CHECK(refused.error().reader == "R");
}

TEST_CASE_FIXTURE(Connected, "a response without a status word is a card that went away") {
  for (const std::size_t length : {0, 1}) {
    daemon.On(Command::kTransmit,
              [length](const Question& question) { return Response(question, Bytes(length, 0x90)); });
    CHECK(card->Transmit({0x01}).code() == status::kCommDataLost);
  }
}

TEST_CASE_FIXTURE(Connected, "a command longer than can be is refused, and nobody is asked") {
  CHECK(card->Transmit(Bytes(abi::kMaxExtendedBuffer + 1, 0)).code() == status::kInsufficientBuffer);
  CHECK(card->SendTransmit(Bytes(abi::kMaxExtendedBuffer + 1, 0)) == status::kInsufficientBuffer);
  CHECK(card->Control(1, Bytes(abi::kMaxExtendedBuffer + 1, 0)).code() == status::kInsufficientBuffer);
  CHECK(card->SetAttribute(1, Bytes(kAttributeSize + 1, 0)).code() == status::kInsufficientBuffer);
  CHECK(daemon.log().empty());
  CHECK(card->Transmit(Bytes(abi::kMaxExtendedBuffer - 2, 0)).ok());
}

TEST_CASE_FIXTURE(Connected, "an attribute is the daemon's, as long as it says and not longer than can be") {
  const Bytes value{'v', 'a', 'l'};
  std::uint32_t length = 3;
  daemon.On(Command::kGetAttrib, [&](const Question& question) {
    auto message = question.As<Attribute>();
    CHECK(message.id == 0x00010100);
    CHECK(message.length == kAttributeSize);
    std::copy(value.begin(), value.end(), message.value);
    message.length = length;
    return ReplyOf(message);
  });
  CHECK((card->GetAttribute(0x00010100).value() == value));
  length = 100000;
  const Result<Bytes> nonsense = card->GetAttribute(0x00010100);
  REQUIRE(nonsense.ok());
  CHECK(nonsense.value().size() == kAttributeSize);
  daemon.Refuse(Command::kGetAttrib, status::kUnexpected);
  CHECK(card->GetAttribute(0x00010100).error().operation == "SCardGetAttrib");
}

TEST_CASE_FIXTURE(Established, "an attribute longer than the room for it tells its length") {
  abi::CardHandle handle = 0;
  abi::Dword active = 0;
  REQUIRE(Table().connect(context->handle(), "R", 2, 3, &handle, &active) == 0);
  daemon.On(Command::kGetAttrib, [](const Question& question) {
    auto message = question.As<Attribute>();
    message.length = 5;
    return ReplyOf(message);
  });
  unsigned char value[5] = {1, 1, 1, 1, 1};
  abi::Dword length = 4;
  CHECK(abi::ToStatus(Table().get_attrib(handle, 1, value, &length)) == status::kInsufficientBuffer);
  CHECK(length == 5);
  CHECK(value[0] == 1);
  length = 0;
  CHECK(abi::ToStatus(Table().get_attrib(handle, 1, nullptr, &length)) == status::kSuccess);
  CHECK(length == 5);
  CHECK(abi::ToStatus(Table().get_attrib(handle, 1, value, &length)) == status::kSuccess);
  CHECK(value[4] == 0);
}

TEST_CASE_FIXTURE(Connected, "an attribute is set with the bytes given") {
  CHECK(card->SetAttribute(0x42, {1, 2, 3}).ok());
  CHECK(card->SetAttribute(0x43, {}).ok());
  const auto asked = daemon.asked(Command::kSetAttrib)[0].As<Attribute>();
  CHECK(asked.id == 0x42);
  CHECK(asked.length == 3);
  CHECK(asked.value[2] == 3);
  daemon.Refuse(Command::kSetAttrib, status::kInvalidParameter);
  CHECK(card->SetAttribute(0x42, {1}).code() == status::kInvalidParameter);
}

TEST_CASE_FIXTURE(Connected, "a control goes to the reader and its output comes back") {
  CHECK((card->Control(0x42000d48, {1, 2, 3}).value() == Bytes{1, 2, 3}));
  CHECK(card->Control(0x42000d48, {}).value().empty());
  CHECK(daemon.asked(Command::kControl)[0].As<Control>().control_code == 0x42000d48);
  daemon.Refuse(Command::kControl, status::kUnexpected);
  const Result<Bytes> refused = card->Control(1, {1});
  CHECK(refused.code() == status::kUnexpected);
  CHECK(refused.error().operation == "SCardControl");
}

TEST_CASE_FIXTURE(Connected, "what else is asked of a card is the daemon's to answer, errors as they are") {
  CHECK(card->BeginTransaction().ok());
  CHECK(card->EndTransaction(Disposition::kReset).ok());
  CHECK(card->Reconnect(ShareMode::kShared, kT0, Disposition::kUnpower).value() == kT1);
  CHECK(card->Disconnect(Disposition::kEject).ok());
  CHECK(daemon.log() == "begin, end reset, reconnect unpower, disconnect eject");
}

TEST_CASE_FIXTURE(Connected, "an error names its function and its reader") {
  const auto expect = [&](Command command, const char* operation, auto call) {
    daemon.Refuse(command, status::kResetCard);
    const auto result = call();
    CHECK(result.code() == status::kResetCard);
    CHECK(result.error().operation == operation);
    CHECK(result.error().reader == "R");
  };
  expect(Command::kConnect, "SCardConnect",
         [&] { return Card::Connect(*context, "R", ShareMode::kShared, kT1); });
  expect(Command::kReconnect, "SCardReconnect",
         [&] { return card->Reconnect(ShareMode::kShared, kT1, Disposition::kLeave); });
  CHECK(card->protocol() == kT1);
  expect(Command::kBeginTransaction, "SCardBeginTransaction", [&] { return card->BeginTransaction(); });
  expect(Command::kEndTransaction, "SCardEndTransaction",
         [&] { return card->EndTransaction(Disposition::kLeave); });
  expect(Command::kStatus, "SCardStatus", [&] { return card->GetStatus(); });
  expect(Command::kDisconnect, "SCardDisconnect", [&] { return card->Disconnect(Disposition::kLeave); });
}

TEST_CASE("a card whose disconnect fails goes with its context, once") {
  FakeDaemon daemon;
  daemon.Refuse(Command::kDisconnect, status::kInvalidHandle, FakeDaemon::kUntilServed);
  {
    Result<Context> context = Context::Establish(Table());
    REQUIRE(context.ok());
    for (int i = 0; i < 3; ++i) {
      Result<Card> card = Card::Connect(*context, "R", ShareMode::kShared, kT1);
      REQUIRE(card.ok());
      CHECK(card->Disconnect(Disposition::kReset).code() == status::kInvalidHandle);
      // Its end asks once more.
    }
    CHECK(daemon.count(Command::kDisconnect) == 6);
    daemon.Serve(Command::kDisconnect);
    Result<Card> card = Card::Connect(*context, "R", ShareMode::kShared, kT1);
    REQUIRE(card.ok());
    CHECK(card->Transmit({0x01}).ok());
    CHECK(card->Disconnect(Disposition::kLeave).ok());
  }
  CHECK(daemon.count(Command::kReleaseContext) == 1);
}

TEST_CASE("cards of one context come and go in any order") {
  FakeDaemon daemon;
  Result<Context> context = Context::Establish(Table());
  REQUIRE(context.ok());
  std::vector<Card> cards;
  for (int i = 0; i < 4; ++i) {
    Result<Card> card = Card::Connect(*context, "R" + std::to_string(i), ShareMode::kShared, kT1);
    REQUIRE(card.ok());
    cards.push_back(std::move(*card));
  }
  cards.erase(cards.begin() + 1);
  for (Card& card : cards) CHECK(card.Transmit({0x01}).ok());
  cards.clear();
  CHECK(daemon.count(Command::kDisconnect) == 4);
}

TEST_CASE_FIXTURE(Connected, "a card that another has in a transaction is held, any other is not") {
  CHECK_FALSE(card->HeldByOther());
  daemon.Refuse(Command::kStatus, status::kSharingViolation);
  CHECK(card->HeldByOther());
  daemon.Refuse(Command::kStatus, status::kResetCard);
  CHECK_FALSE(card->HeldByOther());
  CHECK(daemon.log() == "status, status!, status!");
  daemon.Die();
  CHECK_FALSE(card->HeldByOther());
}

TEST_CASE_FIXTURE(Connected, "a daemon that goes takes everything with it, and nothing waits for it") {
  daemon.Die();
  CHECK(card->Transmit({0x01}).code() == status::kNoService);
  CHECK(card->SendTransmit({0x01}) == status::kNoService);
  CHECK(card->BeginTransaction().code() == status::kNoService);
  CHECK(card->GetStatus().code() == status::kNoService);
  CHECK(card->Disconnect(Disposition::kLeave).code() == status::kNoService);
}

}  // namespace
