// The library backend's watcher: readers and cards that are added and removed.
#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "library_fixture.h"
#include "loop/worker.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using backend::MakeLibraryBackend;
using backend::Picture;

namespace {

// A watcher and its reports as text: "A+ B-" is a card in A and none in B, "none" no reader, else the error.
class Watched {
 public:
  explicit Watched(FakeLibrary& library) {
    OnLoop([&] {
      watcher_ = MakeLibraryBackend(library.table())
                     ->Watch(TestLoop(), [state = state_](const Result<Picture>& picture) {
                       CHECK(TestLoop()->OnThisThread());
                       const std::lock_guard<std::mutex> lock(state->mutex);
                       state->reports.push_back(Words(picture));
                       state->changed.notify_all();
                     });
    });
  }
  ~Watched() { Stop(); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  std::string Next() {
    std::unique_lock<std::mutex> lock(state_->mutex);
    REQUIRE(state_->changed.wait_for(lock, kPatience, [&] { return !state_->reports.empty(); }));
    std::string words = state_->reports.front();
    state_->reports.pop_front();
    return words;
  }
  bool silent() {
    OnLoop([] {});
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return state_->reports.empty();
  }
  void Stop() {
    OnLoop([&] { watcher_.reset(); });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::string> reports;
  };

  static std::string Words(const Result<Picture>& picture) {
    if (!picture) return Describe(picture.code()).name;
    std::string words;
    for (const ReaderStatus& reader : picture.value()) {
      words += (words.empty() ? "" : " ") + reader.reader;
      if ((reader.state & reader_state::kUnknown) != 0) {
        words += "?";
      } else {
        words += (reader.state & reader_state::kPresent) != 0 ? "+" : "-";
      }
    }
    return words.empty() ? "none" : words;
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::unique_ptr<backend::Watcher> watcher_;
};

// Calls of a watcher in a period in which it should be idle.
int CallsIn(FakeLibrary& library, std::chrono::milliseconds time) {
  const auto calls = [&] {
    return library.count(Call::kGetStatusChange) + library.count(Call::kListReaders);
  };
  const int before = calls();
  std::this_thread::sleep_for(time);
  return calls() - before;
}

}  // namespace

TEST_SUITE("library watcher") {
  TEST_CASE("the complete picture is reported first, with or without readers") {
    FakeLibrary library;
    SUBCASE("none") {
      CHECK(Watched(library).Next() == "none");
    }
    SUBCASE("two") {
      library.AddReader("A");
      library.AddReader("B", false);
      CHECK(Watched(library).Next() == "A+ B-");
    }
  }

  TEST_CASE("added and removed cards and readers are reported once each, for any kind of pseudo reader") {
    FakeLibrary library;
    for (const PseudoReader behaviour : {PseudoReader::kCountsEvents, PseudoReader::kCountsReaders,
                                         PseudoReader::kDoesNotCompare, PseudoReader::kUnknownReader}) {
      CAPTURE(static_cast<int>(behaviour));
      library.SetPseudoReader(behaviour);
      library.AddReader("A", false);
      Watched watched(library);
      CHECK(watched.Next() == "A-");
      library.InsertCard("A");
      CHECK(watched.Next() == "A+");
      library.AddReader("B");
      CHECK(watched.Next() == "A+ B+");
      library.RemoveCard("B");
      CHECK(watched.Next() == "A+ B-");
      library.RemoveReader("A");
      while (watched.Next() != "B-") {  // perhaps once as a reader that is now unknown
      }
      library.RemoveReader("B");
      while (watched.Next() != "none") {
      }
    }
  }

  TEST_CASE("after readers were added and removed the watch is idle") {
    FakeLibrary library;
    PseudoReader behaviour{};
    SUBCASE("the counter is the number of events") {
      behaviour = PseudoReader::kCountsEvents;
    }
    SUBCASE("the counter is the number of readers") {
      behaviour = PseudoReader::kCountsReaders;
    }
    SUBCASE("without a counter") {
      behaviour = PseudoReader::kDoesNotCompare;
    }
    library.SetPseudoReader(behaviour);
    library.AddReader("A");
    for (int i = 0; i < 5; ++i) {
      library.AddReader("B");
      library.RemoveReader("B");
    }
    Watched watched(library);
    CHECK(watched.Next() == "A+");
    library.AddReader("C");
    CHECK(watched.Next() == "A+ C+");
    library.RemoveReader("C");
    while (watched.Next() != "A+") {
    }
    // At most one poll per second: two calls to list, one for the state.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(CallsIn(library, std::chrono::milliseconds(400)) <= 4);
  }

  TEST_CASE("a reader that is added between the list and the wait is reported") {
    FakeLibrary library;
    PseudoReader behaviour{};
    SUBCASE("by the counter") {
      behaviour = PseudoReader::kCountsEvents;
    }
    SUBCASE("by another poll") {
      behaviour = PseudoReader::kDoesNotCompare;
    }
    library.SetPseudoReader(behaviour);
    library.AddReader("A");
    library.Stick(Call::kGetStatusChange);
    Watched watched(library);
    library.WaitForStuck(Call::kGetStatusChange);
    library.AddReader("B");
    library.Unstick(Call::kGetStatusChange);
    while (watched.Next() != "A+ B+") {
    }
  }

  TEST_CASE("a reader that is removed while the last change is being reported is reported, too") {
    FakeLibrary library;
    library.AddReader("A");
    library.AddReader("B");
    Watched watched(library);
    CHECK(watched.Next() == "A+ B+");
    // The change is detected; the list of readers, requested next, no longer has B.
    library.WaitForCount(Call::kGetStatusChange, 2);
    library.Stick(Call::kListReaders);
    library.RemoveCard("A");
    library.WaitForStuck(Call::kListReaders);
    CHECK(watched.Next() == "A- B+");
    library.RemoveReader("B");
    library.Unstick(Call::kListReaders);
    CHECK(watched.Next() == "A-");
  }

  TEST_CASE("a replaced card is reported, though there is one before and after") {
    FakeLibrary library;
    library.AddReader("A");
    Watched watched(library);
    CHECK(watched.Next() == "A+");
    library.InsertCard("A");
    CHECK(watched.Next() == "A+");
  }

  TEST_CASE("a missing service is the last report") {
    FakeLibrary library;
    library.AddReader("A");
    SUBCASE("from the start") {
      library.StopService();
      Watched watched(library);
      CHECK(watched.Next() == "SCARD_E_NO_SERVICE");
      library.WaitForNoContext();
      CHECK(watched.silent());
    }
    SUBCASE("later, and the next watch works when the service runs again") {
      Watched watched(library);
      CHECK(watched.Next() == "A+");
      library.StopService();
      CHECK(watched.Next() == "SCARD_E_NO_SERVICE");
      library.StartService();
      CHECK(Watched(library).Next() == "A+");
      CHECK(watched.silent());
    }
  }

  TEST_CASE("a service that stops with the last reader is reported as stopped") {
    FakeLibrary library;
    library.table().service_stops_without_readers = true;
    library.AddReader("A");
    SUBCASE("later") {
      Watched watched(library);
      CHECK(watched.Next() == "A+");
      library.StopService();
      CHECK(watched.Next() == "SCARD_E_NO_READERS_AVAILABLE");
      library.WaitForNoContext();
    }
    SUBCASE("from the start") {
      library.StopService();
      CHECK(Watched(library).Next() == "SCARD_E_NO_READERS_AVAILABLE");
    }
    library.StartService();
    CHECK(Watched(library).Next() == "A+");
  }

  TEST_CASE(
      "a library that returns at once, changed or not, is called with pauses, and changes are still "
      "reported") {
    FakeLibrary library;
    library.AddReader("A");
    library.NeverWaitForChange();
    Watched watched(library);
    CHECK(watched.Next() == "A+");
    // Two calls to list, one for the state; pauses of 5, 10, 20, 40, 80, 160, 200 ms: seven rounds.
    CHECK(CallsIn(library, std::chrono::milliseconds(400)) <= 40);
    CHECK(watched.silent());
    library.RemoveCard("A");
    CHECK(watched.Next() == "A-");
  }

  TEST_CASE("a reader of unknown state is polled with pauses") {
    FakeLibrary library;
    library.AddReader("A");
    library.ForgetState("A");
    Watched watched(library);
    CHECK(watched.Next() == "A-");
    CHECK(CallsIn(library, std::chrono::milliseconds(400)) <= 40);
  }

  TEST_CASE("if the library does not report added readers, the watcher polls for them") {
    FakeLibrary library;
    library.AddReader("A");
    library.table().reports_readers = false;
    Watched watched(library);
    CHECK(watched.Next() == "A+");
    CHECK(CallsIn(library, std::chrono::milliseconds(400)) <= 10);
    library.AddReader("B");
    CHECK(watched.Next() == "A+ B+");
    library.RemoveReader("A");
    library.RemoveReader("B");
    while (watched.Next() != "none") {
    }
    library.AddReader("A");
    CHECK(watched.Next() == "A+");
  }

  TEST_CASE("with as many readers as pcsc-lite accepts in one call, the watcher polls for others") {
    FakeLibrary library;
    for (char name = 'A'; name < 'A' + 16; ++name) library.AddReader(std::string(1, name), false);
    library.LimitStatusChange(16);
    Watched watched(library);
    CHECK(watched.Next().size() == 16 * 3 - 1);
    library.InsertCard("A");
    CHECK(watched.Next().substr(0, 5) == "A+ B-");
    library.RemoveReader("P");
    while (watched.Next().size() != 15 * 3 - 1) {
    }
  }

  TEST_CASE("a watcher stops during its wait, and its context is released") {
    FakeLibrary library;
    library.AddReader("A");
    Watched watched(library);
    CHECK(watched.Next() == "A+");
    library.WaitForCount(Call::kGetStatusChange, 2);
    watched.Stop();
    library.WaitForNoContext();
    library.RemoveCard("A");
    CHECK(watched.silent());
  }

  TEST_CASE("a cancel that is lost because the wait had not begun is repeated") {
    FakeLibrary library;
    library.AddReader("A");
    library.Stick(Call::kGetStatusChange);
    Watched watched(library);
    library.WaitForStuck(Call::kGetStatusChange);
    watched.Stop();
    library.WaitForCount(Call::kCancel, 2);
    library.Unstick(Call::kGetStatusChange);
    library.WaitForNoContext();
    CHECK(watched.silent());
  }

  TEST_CASE("stopping never waits, not even for a stuck cancel") {
    FakeLibrary library;
    library.AddReader("A");
    library.Stick(Call::kCancel);
    Watched watched(library);
    CHECK(watched.Next() == "A+");
    watched.Stop();
    library.WaitForStuck(Call::kCancel);
    library.Unstick(Call::kCancel);
  }

  TEST_CASE("without a thread to cancel with, the watch still ends") {
    FakeLibrary library;
    library.AddReader("A");
    std::unique_ptr<Watched> watched;
    {
      const RefuseThreads first(1);
      watched = std::make_unique<Watched>(library);
    }
    CHECK(watched->Next() == "A+");
    library.WaitForCount(Call::kGetStatusChange, 2);
    watched->Stop();
    library.WaitForNoContext();
    CHECK(library.count(Call::kCancel) == 0);
  }

  TEST_CASE("without a thread to watch with, the watch reports an error") {
    FakeLibrary library;
    const RefuseThreads none;
    Watched watched(library);
    CHECK(watched.Next() == "SCARD_E_NO_MEMORY");
    CHECK(library.count(Call::kEstablish) == 0);
  }

  TEST_CASE("a watcher may be destroyed within a report of a picture") {
    FakeLibrary library;
    library.AddReader("A");
    Moment destroyed;
    std::unique_ptr<backend::Watcher> watcher;
    OnLoop([&] {
      watcher = MakeLibraryBackend(library.table())->Watch(TestLoop(), [&](const Result<Picture>&) {
        watcher.reset();
        destroyed.Come();
      });
    });
    destroyed.Wait();
    library.WaitForNoContext();
  }

  TEST_CASE("watchers that stop at any moment leave nothing behind") {
    FakeLibrary library;
    library.AddReader("A");
    for (int round = 0; round < 100; ++round) {
      Watched watched(library);
      for (int spin = 0; spin < round * 5; ++spin) std::this_thread::yield();
      watched.Stop();
    }
  }
}
