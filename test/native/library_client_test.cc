// The library backend's client: each call, its waits for other processes, and its cancellation.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backend/library/pending_call.h"
#include "library_fixture.h"
#include "loop/worker.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using backend::Begin;
using backend::CheckContext;
using backend::Client;
using backend::Control;
using backend::Disconnect;
using backend::End;
using backend::GetAttribute;
using backend::ListReaderGroups;
using backend::ListReaders;
using backend::Outcome;
using backend::PendingCall;
using backend::Reconnect;
using backend::Reply;
using backend::SetAttribute;
using backend::Transmit;
using After = Client::After;

namespace {

struct WithReader {
  WithReader() { library.AddReader("R"); }
  FakeLibrary library;
};

}  // namespace

TEST_SUITE("library client") {
  TEST_CASE_FIXTURE(Connected, "each call makes the PC/SC function of its name") {
    CHECK(client.Make(ListReaders{{}}).value().names == std::vector<std::string>{"R"});
    CHECK(client.Make(ListReaderGroups{}).value().names.empty());
    CHECK(client.Make(CheckContext{}).ok());
    CHECK(client.Make(Begin{}).ok());
    CHECK(client.Make(TransmitOf(kAsk)).value().bytes == kNotVerified);
    CHECK(client.Make(End{Disposition::kLeave}).ok());
    const Outcome status = client.Make(backend::Status{});
    REQUIRE(status.ok());
    CHECK(status.value().status.state == CardState::kSpecific);
    CHECK((status.value().status.atr == Bytes{0x3b, 0x00}));
    CHECK(client.Make(GetAttribute{1}).value().bytes == Bytes{'x'});
    CHECK(client.Make(SetAttribute{1, {2}}).ok());
    CHECK(client.Make(Control{1, std::make_shared<const SecretBytes>(Bytes{})}).ok());
    const Outcome active = client.Make(Reconnect{ShareMode::kShared, kT1, Disposition::kReset});
    CHECK(active.value().protocol == kT1);
    CHECK(client.Make(Disconnect{Disposition::kLeave, nullptr}).ok());
    CHECK(library.log() == "connect R, begin, transmit, end leave, reconnect reset, disconnect leave");
  }

  TEST_CASE_FIXTURE(Connected, "a begin of a library does not validate the handle") {
    const Outcome begun = client.Make(Begin{});
    REQUIRE(begun.ok());
    CHECK_FALSE(begun.value().handle_works);
    CHECK_FALSE(begun.value().waited);
  }

  TEST_CASE_FIXTURE(Connected, "without a card every call rejects with its name") {
    CHECK(client.Make(Disconnect{Disposition::kLeave, nullptr}).ok());
    const auto is_not_connected = [&](backend::Call call, const std::string& function) {
      const Outcome outcome = client.Make(std::move(call));
      CHECK(outcome.code() == status::kNotConnected);
      CHECK(outcome.error().operation == function);
    };
    is_not_connected(TransmitOf(kAsk), "SCardTransmit");
    is_not_connected(Begin{}, "SCardBeginTransaction");
    is_not_connected(End{}, "SCardEndTransaction");
    is_not_connected(backend::Status{}, "SCardStatus");
    is_not_connected(Reconnect{}, "SCardReconnect");
    is_not_connected(Disconnect{}, "SCardDisconnect");
    is_not_connected(Control{1, std::make_shared<const SecretBytes>(Bytes{})}, "SCardControl");
  }

  TEST_CASE_FIXTURE(Connected, "an error carries the function and the reader") {
    library.RemoveCard("R");
    const Outcome begun = client.Make(Begin{});
    CHECK(begun.code() == status::kRemovedCard);
    CHECK(begun.error().operation == "SCardBeginTransaction");
    CHECK(begun.error().reader == "R");
  }

  TEST_CASE_FIXTURE(Connected, "Windows' own codes for a removed card are mapped to it") {
    for (const pcsc_bridge::Status code : {status::kWindowsNoMedia, status::kWindowsIoDevice}) {
      library.Fail(Call::kTransmit, code);
      const Outcome sent = client.Make(TransmitOf(kAsk));
      CHECK(sent.code() == status::kRemovedCard);
      CHECK(sent.error().operation == "SCardTransmit");
      CHECK(sent.error().detail.find(code == status::kWindowsNoMedia ? "0x458" : "0x45D") !=
            std::string::npos);
    }
  }

  TEST_CASE_FIXTURE(Connected, "a second begin in a transaction is refused, and the transaction continues") {
    CHECK(client.Make(Begin{}).ok());
    CHECK(client.Make(Begin{}).code() == status::kInvalidParameter);
    CHECK(client.Make(TransmitOf(kAsk)).ok());
    CHECK(client.Make(End{}).ok());
    CHECK(client.Make(End{}).code() == status::kNotTransacted);
  }

  TEST_CASE_FIXTURE(Connected, "a new connect ends the open transaction") {
    CHECK(client.Make(Begin{}).ok());
    CHECK(client.Make(TransmitOf(kVerify)).ok());
    CHECK(client.Make(ConnectTo("R")).ok());
    CHECK(library.log() == "connect R, begin, transmit, end reset, disconnect leave, connect R");
  }

  TEST_CASE_FIXTURE(Connected, "disconnecting in a transaction ends it with the disposition, once") {
    CHECK(client.Make(Begin{}).ok());
    CHECK(client.Make(Disconnect{Disposition::kReset, nullptr}).ok());
    CHECK(library.log() == "connect R, begin, end reset, disconnect leave");
  }

  TEST_CASE_FIXTURE(Connected,
                    "an end that fails disconnects, with the disposition, so that the card is free") {
    CHECK(client.Make(Begin{}).ok());
    library.Fail(Call::kEnd, status::kCommError);
    CHECK(client.Make(End{Disposition::kReset}).code() == status::kCommError);
    CHECK(library.handles() == 0);
    CHECK(library.last_calls(1) == "disconnect reset");
    CHECK(client.Make(backend::Status{}).code() == status::kNotConnected);
    CHECK(client.Make(ConnectTo("R")).ok());
    CHECK(client.Make(Begin{}).ok());
  }

  TEST_CASE_FIXTURE(WithReader, "without readers the list is empty") {
    TestClient client(library);
    library.RemoveReader("R");
    CHECK(client.Make(ListReaders{{}}).value().names.empty());
  }

  TEST_CASE_FIXTURE(WithReader, "a remote session without redirected readers has no readers") {
    TestClient client(library);
    library.Fail(Call::kListReaders, status::kWindowsBadStubData);
    const Outcome listed = client.Make(ListReaders{{}});
    REQUIRE(listed.ok());
    CHECK(listed.value().names.empty());
  }

  TEST_CASE_FIXTURE(WithReader,
                    "a service that stops with the last reader means no readers, on Windows only") {
    SUBCASE("Windows") {
      library.table().service_stops_without_readers = true;
      TestClient client(library);
      CHECK(client.Make(ListReaders{{}}).value().names.size() == 1);
      library.StopService();
      CHECK(client.Make(ListReaders{{}}).value().names.empty());
      CHECK(client.Make(ListReaders{{}}).value().names.empty());
      CHECK(client.Make(ConnectTo("R")).code() == status::kNoService);
      library.StartService();
      CHECK(client.Make(ListReaders{{}}).value().names.size() == 1);
    }
    SUBCASE("elsewhere") {
      library.StopService();
      TestClient client(library);
      const Outcome listed = client.Make(ListReaders{{}});
      CHECK(listed.code() == status::kNoService);
      CHECK(listed.error().operation == "SCardEstablishContext");
    }
  }

  TEST_CASE_FIXTURE(Connected, "a context whose service has been restarted fails the check") {
    library.StopService();
    library.StartService();
    CHECK_FALSE(client.Make(CheckContext{}).ok());
  }

  TEST_CASE_FIXTURE(Connected, "if begin does not report a reset, the status after it does") {
    library.table().status_is_mask = false;
    library.Fail(Call::kStatus, status::kResetCard);
    const Outcome begun = client.Make(Begin{});
    CHECK(begun.code() == status::kResetCard);
    CHECK(begun.error().operation == "SCardBeginTransaction");
    CHECK(library.last_calls(2) == "begin, end leave");
    CHECK(client.Make(Begin{}).ok());
  }

#if defined(__linux__)
  TEST_CASE_FIXTURE(WithReader, "an idle client holds no thread") {
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(std::make_unique<TestClient>(library));
      CHECK(clients.back()->Make(ConnectTo("R")).ok());
    }
    CHECK(library.contexts() == 20);
    const auto threads = [] {
      const std::filesystem::directory_iterator list("/proc/self/task");
      return std::distance(begin(list), end(list));
    };
    CHECK(Eventually([&] { return threads() < 10; }));
    for (const auto& client : clients) CHECK(client->Make(TransmitOf(kAsk)).ok());
  }
#endif
}

TEST_SUITE("library client waits") {
  TEST_CASE_FIXTURE(Connected,
                    "begin polls while another process has the card, and begins once the card is free") {
    library.Hold("R");
    Answer<Reply> begun = client.Start(Begin{});
    library.WaitForCount(Call::kGetAttrib, 5);
    CHECK_FALSE(begun.given());
    CHECK(library.count(Call::kBegin) == 0);
    library.Free("R");
    const Outcome outcome = begun.Wait();
    REQUIRE(outcome.ok());
    CHECK(outcome.value().waited);
  }

  TEST_CASE_FIXTURE(Connected, "every call that would wait inside the library polls first") {
    struct Each {
      backend::Call call;
      Call function;
    };
    const Each calls[] = {{TransmitOf(kAsk), Call::kTransmit},
                          {backend::Status{}, Call::kStatus},
                          {Reconnect{ShareMode::kShared, kT1, Disposition::kLeave}, Call::kReconnect},
                          {Disconnect{Disposition::kReset, nullptr}, Call::kDisconnect}};
    for (const Each& each : calls) {
      const int asked = library.count(Call::kGetAttrib);
      library.Hold("R");
      Answer<Reply> answer = client.Start(each.call);
      library.WaitForCount(Call::kGetAttrib, asked + 3);
      CHECK(library.count(each.function) == 0);
      library.Free("R");
      const Outcome outcome = answer.Wait();
      REQUIRE(outcome.ok());
      CHECK(outcome.value().waited);
    }
  }

  TEST_CASE_FIXTURE(Connected, "a disconnect with a reset reports once that it waits") {
    library.Hold("R");
    int reports = 0;  // the loop's
    Moment first;
    Answer<Reply> answer = client.Start(Disconnect{Disposition::kReset, [&] {
                                                     CHECK(TestLoop()->OnThisThread());
                                                     ++reports;
                                                     first.Come();
                                                   }});
    first.Wait();
    library.WaitForCount(Call::kGetAttrib, 4);
    library.Free("R");
    CHECK(answer.Wait().ok());
    CHECK(reports == 1);
  }

  TEST_CASE_FIXTURE(Connected, "inside a transaction no call polls") {
    CHECK(client.Make(Begin{}).ok());
    const int asked = library.count(Call::kGetAttrib);
    CHECK(client.Make(TransmitOf(kAsk)).ok());
    CHECK(client.Make(backend::Status{}).ok());
    CHECK(library.count(Call::kGetAttrib) == asked);
  }

  TEST_CASE_FIXTURE(WithReader, "a card that is connected exclusively is held by no other process") {
    TestClient client(library);
    CHECK(client.Make(ConnectTo("R", ShareMode::kExclusive)).ok());
    for (const bool asks : {true, false}) {
      library.table().probe_before_begin = asks;
      CHECK(client.Make(TransmitOf(kAsk)).ok());
    }
    CHECK(library.count(Call::kGetAttrib) == 0);
    CHECK(library.log() == "connect R, transmit, transmit");
  }

  TEST_CASE_FIXTURE(Connected, "control and attributes do not wait") {
    library.Hold("R");
    CHECK(client.Make(GetAttribute{1}).code() == status::kSharingViolation);
    library.Free("R");
  }

  TEST_CASE_FIXTURE(Connected, "without polling, begin is called at once and waits in the library") {
    library.table().probe_before_begin = false;
    library.Hold("R");
    Answer<Reply> begun = client.Start(Begin{});
    library.WaitForCount(Call::kBegin, 1);
    CHECK(library.count(Call::kGetAttrib) == 0);
    library.Free("R");
    CHECK(begun.Wait().ok());
  }

  TEST_CASE_FIXTURE(Connected,
                    "without polling, a begin that took 100 ms reports a wait, and shorter ones do not") {
    library.table().probe_before_begin = false;
    const Outcome quick = client.Make(Begin{});
    REQUIRE(quick.ok());
    CHECK_FALSE(quick.value().waited);
    CHECK(client.Make(End{}).ok());
    library.Hold("R");
    Answer<Reply> begun = client.Start(Begin{});
    library.WaitForCount(Call::kBegin, 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));  // the elapsed time is the criterion
    library.Free("R");
    const Outcome slow = begun.Wait();
    REQUIRE(slow.ok());
    CHECK(slow.value().waited);
  }

  TEST_CASE_FIXTURE(Connected,
                    "without polling, a command outside a transaction gets a transaction of its own") {
    library.table().probe_before_begin = false;
    CHECK(client.Make(TransmitOf(kAsk)).ok());
    CHECK(library.log() == "connect R, begin, transmit, end leave");
  }
}

TEST_SUITE("library client giving up") {
  TEST_CASE_FIXTURE(WithReader, "without a call in progress the client stays usable") {
    TestClient client(library);
    CHECK(client.GiveUp() == After::kUsable);
    CHECK(client.Make(ConnectTo("R")).ok());
    CHECK(client.GiveUp() == After::kUsable);
    CHECK(client.Make(backend::Status{}).ok());
  }

  TEST_CASE_FIXTURE(Connected,
                    "a begin cancelled while it waits for another process leaves the client usable") {
    for (int attempt = 0; attempt < 20; ++attempt) {
      library.Hold("R");
      const int asked = library.count(Call::kGetAttrib);
      Answer<Reply> begun = client.Start(Begin{});
      library.WaitForCount(Call::kGetAttrib, asked + 1);
      CHECK(client.GiveUp() == After::kUsable);
      library.Free("R");
      CHECK(client.Make(Begin{}).ok());
      CHECK(client.Make(End{}).ok());
      CHECK_FALSE(begun.given());
    }
  }

  TEST_CASE_FIXTURE(Connected,
                    "a cancelled poll is awaited quietly, and a call behind it can be cancelled, too") {
    library.Hold("R");
    library.Stick(Call::kGetAttrib);
    Answer<Reply> begun = client.Start(Begin{});
    library.WaitForStuck(Call::kGetAttrib);
    CHECK(client.GiveUp() == After::kUsable);
    auto secret = std::make_shared<const SecretBytes>(kVerify);
    Answer<Reply> queued = client.Start(Transmit{secret});
    CHECK(secret.use_count() > 1);
    CHECK(client.GiveUp() == After::kUsable);
    CHECK(secret.use_count() == 1);  // its data is released at once
    Answer<Reply> next = client.Start(Begin{});
    library.Free("R");
    library.Unstick(Call::kGetAttrib);
    CHECK(next.Wait().ok());
    CHECK_FALSE(begun.given());
    CHECK_FALSE(queued.given());
    CHECK(library.log() == "connect R, begin");
  }

  TEST_CASE_FIXTURE(Connected, "a command cancelled while it waits never reaches the card") {
    for (const bool asks : {true, false}) {
      library.table().probe_before_begin = asks;
      auto other = std::make_unique<TestClient>(library);
      CHECK(other->Make(ConnectTo("R")).ok());
      const int sent = library.count(Call::kTransmit);
      const int begun = library.count(Call::kBegin);
      const int asked = library.count(Call::kGetAttrib);
      library.Hold("R");
      (void)other->Start(TransmitOf(kVerify));
      if (asks) {
        library.WaitForCount(Call::kGetAttrib, asked + 1);
      } else {
        library.WaitForCount(Call::kBegin, begun + 1);
      }
      CHECK(other->GiveUp() == (asks ? After::kUsable : After::kLost));
      const std::shared_ptr<Moment> released = other->Retire(Disposition::kLeave);
      library.Free("R");
      released->Wait();
      CHECK(client.Make(TransmitOf(kAsk)).value().bytes == kNotVerified);
      CHECK(library.count(Call::kTransmit) == sent + 1);
    }
  }

  TEST_CASE_FIXTURE(Connected,
                    "a call cancelled inside the library is lost, and its result is not delivered") {
    library.Stick(Call::kStatus);
    Answer<Reply> stuck = client.Start(backend::Status{});
    library.WaitForStuck(Call::kStatus);
    CHECK(client.GiveUp() == After::kLost);
    const std::shared_ptr<Moment> released = client.Retire(Disposition::kLeave);
    CHECK_FALSE(released->come());
    library.Unstick(Call::kStatus);
    released->Wait();
    CHECK_FALSE(stuck.given());
  }

  TEST_CASE_FIXTURE(WithReader, "a call cancelled while the context is established is not made") {
    TestClient client(library);
    library.Stick(Call::kEstablish);
    (void)client.Start(ConnectTo("R"));
    library.WaitForStuck(Call::kEstablish);
    CHECK(client.GiveUp() == After::kLost);
    const std::shared_ptr<Moment> released = client.Retire(Disposition::kLeave);
    library.Unstick(Call::kEstablish);
    released->Wait();
    CHECK(library.count(Call::kConnect) == 0);
  }

  TEST_CASE_FIXTURE(Connected,
                    "a completed begin that is cancelled before its result is delivered is lost and undone") {
    Answer<Reply> begun;
    // The test blocks the loop's thread meanwhile: the result cannot be delivered.
    Client::After after = After::kUsable;
    OnLoop([&] {
      client.StartOnLoop(Begin{}, begun.Take());
      CHECK(Eventually([&] { return library.last_calls(1) == "begin"; }));
      after = client.GiveUp();
    });
    CHECK(after == After::kLost);
    client.Retire(Disposition::kLeave)->Wait();
    CHECK_FALSE(begun.given());
    CHECK(library.log() == "connect R, begin, end leave, disconnect leave");
  }

  TEST_CASE("a completed poll that is cancelled before its result is delivered leaves the client usable") {
    Answer<Reply> asked;
    OnLoop([&] {
      const auto call = std::make_shared<PendingCall>(TestLoop(), backend::Status{}, asked.Take());
      CHECK(call->Take());
      call->Finish(Reply{});
      CHECK(call->GiveUp() == After::kUsable);
    });
    OnLoop([] {});
    CHECK_FALSE(asked.given());
  }

  TEST_CASE_FIXTURE(WithReader, "the result arrives at most once, whenever a call is cancelled") {
    for (int round = 0; round < 200; ++round) {
      auto client = std::make_unique<TestClient>(library);
      CHECK(client->Make(ConnectTo("R")).ok());
      Answer<Reply> begun = client->Start(Begin{});
      for (int spin = 0; spin < round * 20; ++spin) std::this_thread::yield();
      if (client->GiveUp() == After::kUsable) {
        const Outcome status = client->Make(backend::Status{});
        CHECK(status.ok());
      }
      client->Retire(Disposition::kReset)->Wait();
      CHECK(library.contexts() == 0);
    }
  }

  TEST_CASE_FIXTURE(WithReader, "without a thread a call fails with advice, and the next one works") {
    TestClient client(library);
    {
      const RefuseThreads none;
      const Outcome refused = client.Make(ConnectTo("R"));
      CHECK(refused.code() == status::kNoMemory);
      CHECK(refused.error().operation == "thread");
      CHECK(refused.error().detail.find("ulimit -u") != std::string::npos);
      (void)client.Start(ConnectTo("R"));
      (void)client.GiveUp();
    }
    CHECK(client.Make(ConnectTo("R")).ok());
  }
}
