// The end of a library client, in every phase: nothing waits for it, and the remaining work is done.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "library_fixture.h"
#include "loop/worker.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using backend::Begin;
using backend::Client;
using backend::Disconnect;
using backend::MakeLibraryBackend;
using backend::Outcome;
using backend::Reply;
using After = Client::After;

TEST_SUITE("library client retirement") {
  TEST_CASE("a client that was never used is released without a call to the service") {
    FakeLibrary library;
    TestClient client(library);
    client.Retire(Disposition::kReset)->Wait();
    CHECK(library.count(Call::kEstablish) == 0);
  }

  TEST_CASE_FIXTURE(Connected, "a client disconnects with the requested disposition") {
    CHECK(client.Make(TransmitOf(kVerify)).ok());
    SUBCASE("reset") {
      client.Retire(Disposition::kReset)->Wait();
      CHECK(library.last_calls(1) == "disconnect reset");
      CHECK_FALSE(library.pin_verified("R"));
    }
    SUBCASE("leave") {
      client.Retire(Disposition::kLeave)->Wait();
      CHECK(library.last_calls(1) == "disconnect leave");
      CHECK(library.pin_verified("R"));
    }
    CHECK(library.contexts() == 0);
  }

  TEST_CASE_FIXTURE(Connected, "destroying a client releases its resources") {
    CHECK(client.Make(Begin{}).ok());
    CHECK(client.Make(TransmitOf(kVerify)).ok());
    client.Destroy();
    library.WaitForNoContext();
    CHECK(library.last_calls(2) == "end reset, disconnect leave");
  }

  TEST_CASE_FIXTURE(Connected,
                    "an open transaction ends as requested, and with a reset if a command was sent in it") {
    CHECK(client.Make(Begin{}).ok());
    std::string end;
    Disposition disposition = Disposition::kLeave;
    SUBCASE("unused") {
      end = "end leave, disconnect leave";
    }
    SUBCASE("used") {
      CHECK(client.Make(TransmitOf(kAsk)).ok());
      end = "end reset, disconnect leave";
    }
    SUBCASE("unused, with a reset") {
      disposition = Disposition::kReset;
      end = "end reset, disconnect leave";
    }
    SUBCASE("used, unpowering") {
      CHECK(client.Make(TransmitOf(kAsk)).ok());
      disposition = Disposition::kUnpower;
      end = "end unpower, disconnect unpower";
    }
    client.Retire(disposition)->Wait();
    CHECK(library.last_calls(2) == end);
  }

  TEST_CASE_FIXTURE(Connected, "a transaction whose end fails does not keep the card locked") {
    CHECK(client.Make(Begin{}).ok());
    library.Fail(Call::kEnd, status::kCommError);
    client.Retire(Disposition::kReset)->Wait();
    CHECK(library.last_calls(1) == "disconnect reset");
  }

  TEST_CASE_FIXTURE(Connected, "a reset that is owed is done when the other process frees the card") {
    CHECK(client.Make(TransmitOf(kVerify)).ok());
    library.Hold("R");
    const std::shared_ptr<Moment> released = client.Retire(Disposition::kReset);
    client.Destroy();
    library.WaitForCount(Call::kGetAttrib, 4);
    CHECK_FALSE(released->come());
    CHECK(library.count(Call::kDisconnect) == 0);
    library.Free("R");
    released->Wait();
    CHECK(library.last_calls(1) == "disconnect reset");
    CHECK_FALSE(library.pin_verified("R"));
  }

  TEST_CASE_FIXTURE(Connected, "without polling, a reset that is owed waits inside the library") {
    library.table().probe_before_begin = false;
    library.Hold("R");
    const std::shared_ptr<Moment> released = client.Retire(Disposition::kReset);
    library.WaitForCount(Call::kDisconnect, 1);
    CHECK_FALSE(released->come());
    library.Free("R");
    released->Wait();
    CHECK(library.last_calls(1) == "disconnect reset");
  }

  TEST_CASE("a connection that completes too late is disconnected with the requested disposition") {
    FakeLibrary library;
    library.AddReader("R");
    TestClient client(library);
    library.Stick(Call::kConnect);
    Answer<Reply> stuck = client.Start(ConnectTo("R"));
    library.WaitForStuck(Call::kConnect);
    bool given_up = false;
    SUBCASE("cancelled before") {
      given_up = true;
      CHECK(client.GiveUp() == After::kLost);
    }
    SUBCASE("in progress") {}
    const std::shared_ptr<Moment> released = client.Retire(Disposition::kReset);
    client.Destroy();
    CHECK_FALSE(released->come());
    library.Unstick(Call::kConnect);
    released->Wait();
    CHECK_FALSE(stuck.given());
    CHECK(library.log() == "connect R, disconnect reset");
    (void)given_up;
  }

  TEST_CASE_FIXTURE(Connected, "a begin that completes too late is ended with the requested disposition") {
    library.Stick(Call::kBegin);
    (void)client.Start(Begin{});
    library.WaitForStuck(Call::kBegin);
    CHECK(client.GiveUp() == After::kLost);
    std::string end;
    std::shared_ptr<Moment> released;
    SUBCASE("leave") {
      released = client.Retire(Disposition::kLeave);
      end = "begin, end leave, disconnect leave";
    }
    SUBCASE("reset") {
      released = client.Retire(Disposition::kReset);
      end = "begin, end reset, disconnect leave";
    }
    library.Unstick(Call::kBegin);
    released->Wait();
    CHECK(library.last_calls(3) == end);
  }

  TEST_CASE_FIXTURE(Connected, "a transaction in which a command was stuck ends with a reset") {
    CHECK(client.Make(Begin{}).ok());
    library.Stick(Call::kTransmit);
    (void)client.Start(TransmitOf(kVerify));
    library.WaitForStuck(Call::kTransmit);
    CHECK(client.GiveUp() == After::kLost);
    const std::shared_ptr<Moment> released = client.Retire(Disposition::kLeave);
    library.Unstick(Call::kTransmit);
    released->Wait();
    CHECK(library.log() == "connect R, begin, transmit, end reset, disconnect leave");
    CHECK_FALSE(library.pin_verified("R"));
  }

  TEST_CASE_FIXTURE(Connected, "a cancelled disconnect still resets the card") {
    CHECK(client.Make(TransmitOf(kVerify)).ok());
    SUBCASE("while it waits for another process") {
      library.Hold("R");
      const int asked = library.count(Call::kGetAttrib);
      (void)client.Start(Disconnect{Disposition::kReset, nullptr});
      library.WaitForCount(Call::kGetAttrib, asked + 1);
      CHECK(client.GiveUp() == After::kUsable);
      const std::shared_ptr<Moment> released = client.Retire(Disposition::kReset);
      library.Free("R");
      released->Wait();
    }
    SUBCASE("inside the library") {
      library.Stick(Call::kDisconnect);
      (void)client.Start(Disconnect{Disposition::kReset, nullptr});
      library.WaitForStuck(Call::kDisconnect);
      CHECK(client.GiveUp() == After::kLost);
      const std::shared_ptr<Moment> released = client.Retire(Disposition::kReset);
      library.Unstick(Call::kDisconnect);
      released->Wait();
    }
    CHECK(library.last_calls(1) == "disconnect reset");
    CHECK(library.count(Call::kDisconnect) == 1);
    CHECK_FALSE(library.pin_verified("R"));
  }

  TEST_CASE_FIXTURE(Connected, "retiring a client that waits for another process ends the wait") {
    library.Hold("R");
    Answer<Reply> begun = client.Start(Begin{});
    library.WaitForCount(Call::kGetAttrib, 2);
    client.Retire(Disposition::kLeave)->Wait();
    CHECK_FALSE(begun.given());
    CHECK(library.count(Call::kBegin) == 0);
    library.Free("R");
  }

  TEST_CASE_FIXTURE(Connected, "a service that hangs keeps the thread, but blocks no caller") {
    Call hanging{};
    SUBCASE("in the disconnect") {
      hanging = Call::kDisconnect;
    }
    SUBCASE("in the release") {
      hanging = Call::kRelease;
    }
    library.Stick(hanging);
    const std::shared_ptr<Moment> released = client.Retire(Disposition::kLeave);
    client.Destroy();
    library.WaitForStuck(hanging);
    CHECK_FALSE(released->come());
    library.Unstick(hanging);
    released->Wait();
    CHECK(library.last_calls(1) == "disconnect leave");
  }

  TEST_CASE_FIXTURE(Connected, "without a free thread the end is done by the next one that becomes free") {
    CHECK(client.Make(TransmitOf(kVerify)).ok());
    Moment go;
    CHECK(RunOnWorker([&] { go.Wait(); }));
    // Idle for longer than its worker stays.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::shared_ptr<Moment> released;
    {
      const RefuseThreads none;
      released = client.Retire(Disposition::kReset);
      client.Destroy();
      go.Come();
      released->Wait();
    }
    CHECK(library.last_calls(1) == "disconnect reset");
    CHECK_FALSE(library.pin_verified("R"));
  }

  TEST_CASE("the remaining work is done after the loop has ended") {
    FakeLibrary library;
    library.AddReader("R");
    const std::shared_ptr<Loop> loop = Loop::Create([] {});
    REQUIRE(loop);
    std::unique_ptr<Client> client = MakeLibraryBackend(library.table())->MakeClient(loop);
    library.Stick(Call::kConnect);
    client->Start(ConnectTo("R"), [](const Outcome&) { FAIL_CHECK("answered after the end"); });
    library.WaitForStuck(Call::kConnect);
    client->Retire(Disposition::kReset, [] { FAIL_CHECK("released after the end"); });
    client.reset();
    loop->End();
    library.Unstick(Call::kConnect);
    library.WaitForNoContext();
    CHECK(library.log() == "connect R, disconnect reset");
  }
}
