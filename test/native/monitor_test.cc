// Watching readers and cards.
#include <chrono>
#include <thread>

#include "monitor_fixture.h"

namespace {

using namespace pcsc_bridge::test;  // NOLINT: the words of the tests

TEST_CASE("the whole picture comes first, with or without readers") {
  FakeLibrary library;
  SUBCASE("none") {
    CHECK(Watcher(library).Next() == "none");
  }
  SUBCASE("two") {
    library.AddReader("A");
    library.AddReader("B", false);
    CHECK(Watcher(library).Next() == "A+ B-");
  }
}

TEST_CASE("cards and readers that come and go are told, each once") {
  FakeLibrary library;
  library.AddReader("A", false);
  Watcher watch(library);
  CHECK(watch.Next() == "A-");
  library.InsertCard("A");
  CHECK(watch.Next() == "A+");
  library.AddReader("B");
  CHECK(watch.Next() == "A+ B+");
  library.RemoveCard("B");
  CHECK(watch.Next() == "A+ B-");
  library.RemoveReader("A");
  while (watch.Next() != "B-") {  // perhaps once as one that is unknown now
  }
}

TEST_CASE("a reader that goes while the last change is being reported is told, too") {
  FakeLibrary library;
  library.AddReader("A");
  library.AddReader("B");
  Watcher watch(library);
  CHECK(watch.Next() == "A+ B+");
  // The change is seen; the list of readers, asked for next, no longer has B.
  library.WaitForCount(Call::kGetStatusChange, 2);
  library.Stick(Call::kListReaders);
  library.RemoveCard("A");
  library.WaitForStuck(Call::kListReaders);
  CHECK(watch.Next() == "A- B+");
  library.RemoveReader("B");
  library.Unstick(Call::kListReaders);
  CHECK(watch.Next() == "A-");
}

TEST_CASE("a card that was exchanged for another is told, though there is one before and after") {
  FakeLibrary library;
  library.AddReader("A");
  Watcher watch(library);
  CHECK(watch.Next() == "A+");
  library.InsertCard("A");
  CHECK(watch.Next() == "A+");
}

TEST_CASE("a service that is away is told once, and the picture when it is back") {
  FakeLibrary library;
  library.AddReader("A");
  SUBCASE("from the beginning") {
    library.StopService();
    Watcher watch(library);
    CHECK(watch.Next() == "SCARD_E_NO_SERVICE");
    library.WaitForCount(Call::kEstablish, 3);
    CHECK(watch.silent());
    library.StartService();
    CHECK(watch.Next() == "A+");
  }
  SUBCASE("in between") {
    Watcher watch(library);
    CHECK(watch.Next() == "A+");
    library.StopService();
    CHECK(watch.Next() == "SCARD_E_NO_SERVICE");
    library.StartService();
    CHECK(watch.Next() == "A+");
    library.StopService();
    CHECK(watch.Next() == "SCARD_E_NO_SERVICE");
    library.StartService();
    CHECK(watch.Next() == "A+");
  }
}

// Calls in 400 ms of a monitor that ought to be idle.
int CallsWhileIdle(FakeLibrary& library) {
  const int before = library.count(Call::kGetStatusChange) + library.count(Call::kListReaders);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  return library.count(Call::kGetStatusChange) + library.count(Call::kListReaders) - before;
}

TEST_CASE("a library that returns at once, changed or not, is asked with pauses, and changes still come") {
  FakeLibrary library;
  library.AddReader("A");
  library.NeverWaitForChange();
  Watcher watch(library);
  CHECK(watch.Next() == "A+");
  // Two calls to list, one to ask; pauses of 5, 10, 20, 40, 80, 160, 200 ms: seven rounds.
  CHECK(CallsWhileIdle(library) <= 40);
  CHECK(watch.silent());
  library.RemoveCard("A");
  CHECK(watch.Next() == "A-");
}

TEST_CASE("a reader of which nothing is known is asked about with pauses") {
  FakeLibrary library;
  library.AddReader("A");
  library.ForgetState("A");
  Watcher watch(library);
  CHECK(watch.Next() == "A-");
  CHECK(CallsWhileIdle(library) <= 40);
}

TEST_CASE("where the pseudo reader is not known, readers are looked for now and then") {
  FakeLibrary library;
  library.ForgetPseudoReader();
  Watcher watch(library);
  CHECK(watch.Next() == "none");
  CHECK(CallsWhileIdle(library) <= 40);
  library.AddReader("A");
  CHECK(watch.Next() == "A+");
  library.RemoveCard("A");
  CHECK(watch.Next() == "A-");
  library.AddReader("B");
  CHECK(watch.Next() == "A- B+");
}

TEST_CASE("a monitor stops during its wait, and its context goes") {
  FakeLibrary library;
  library.AddReader("A");
  Watcher watch(library);
  CHECK(watch.Next() == "A+");
  library.WaitForCount(Call::kGetStatusChange, 2);
  watch.Stop();
  library.WaitForNoContext();
  library.RemoveCard("A");
  CHECK(watch.silent());
}

TEST_CASE("a cancel that is lost because the wait had not begun is repeated") {
  FakeLibrary library;
  library.AddReader("A");
  library.Stick(Call::kGetStatusChange);
  Watcher watch(library);
  library.WaitForStuck(Call::kGetStatusChange);
  watch.Stop();
  library.WaitForCount(Call::kCancel, 2);
  library.Unstick(Call::kGetStatusChange);
  library.WaitForNoContext();
  CHECK(watch.silent());
}

TEST_CASE("stopping never waits, not even for a cancel that is stuck") {
  FakeLibrary library;
  library.AddReader("A");
  library.Stick(Call::kCancel);
  Watcher watch(library);
  CHECK(watch.Next() == "A+");
  watch.Stop();
  library.WaitForStuck(Call::kCancel);
  watch.Stop();
  watch.Stop();
  library.Unstick(Call::kCancel);
}

TEST_CASE("monitors that stop at any moment leave nothing behind") {
  FakeLibrary library;
  library.AddReader("A");
  for (int round = 0; round < 100; ++round) {
    Watcher watch(library);
    for (int spin = 0; spin < round * 5; ++spin) std::this_thread::yield();
    watch.Stop();
  }
}

}  // namespace
