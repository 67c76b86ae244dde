// Watching readers and cards at pcscd's own socket.
#include <chrono>
#include <thread>

#include "direct_fixture.h"
#include "monitor_fixture.h"

namespace {

using namespace pcsc_bridge::test;  // NOLINT: the words of the tests

// Its library has the reader L, the daemon the reader R.
struct WithReaders : WithDaemon {
  WithReaders() {
    library.AddReader("L");
    daemon.AddReader("R");
  }
};

TEST_CASE_FIXTURE(WithReaders, "cards and readers that come and go are told by the daemon") {
  {
    Watcher watch(library);
    CHECK(watch.Next() == "R+");
    daemon.ChangeReader("R", FakeDaemon::kNoCard);
    CHECK(watch.Next() == "R-");
    daemon.AddReader("S");
    CHECK(watch.Next() == "R- S+");
    daemon.RemoveReader("R");
    while (watch.Next() != "S+") {  // perhaps once as one that is unknown now
    }
  }
  CHECK(library.count(Call::kEstablish) == 0);
}

TEST_CASE_FIXTURE(WithReaders, "an idle watch asks nothing") {
  Watcher watch(library);
  CHECK(watch.Next() == "R+");
  daemon.WaitForAsked(Command::kWatchReaders, 1);
  daemon.Forget();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  CHECK(daemon.log().empty());
}

TEST_CASE_FIXTURE(WithReaders, "a monitor stops during its wait, and its context goes") {
  Watcher watch(library);
  CHECK(watch.Next() == "R+");
  daemon.WaitForAsked(Command::kWatchReaders, 1);
  watch.Stop();
  daemon.WaitForNoLink();
  CHECK(watch.silent());
}

TEST_CASE_FIXTURE(WithReaders, "monitors that stop at any moment leave nothing behind") {
  for (int round = 0; round < 100; ++round) {
    Watcher watch(library);
    for (int spin = 0; spin < round * 5; ++spin) std::this_thread::yield();
    watch.Stop();
  }
  daemon.WaitForNoLink();
}

TEST_CASE_FIXTURE(WithReaders, "a daemon that ends is told, and its library is asked what there is") {
  Watcher watch(library);
  CHECK(watch.Next() == "R+");
  daemon.Die();
  CHECK(watch.Next() == "SCARD_E_NO_SERVICE");
  CHECK(watch.Next() == "L+");
}

TEST_CASE_FIXTURE(WithReaders, "changes of a daemon of protocol 4:6 are the library's to tell") {
  daemon.On(Command::kVersion, Speaking(6));
  Watcher watch(library);
  // What it sees first may be the daemon's still.
  for (std::string words = watch.Next(); words != "L+"; words = watch.Next()) CHECK(words == "R+");
  library.RemoveCard("L");
  CHECK(watch.Next() == "L-");
  CHECK(daemon.count(Command::kWatchReaders) == 0);
}

}  // namespace
