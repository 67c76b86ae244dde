// The readers' monitor: one watcher for all subscribers.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "answer.h"
#include "readers/monitor.h"
#include "stand_in_backend.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;
using std::chrono::milliseconds;

namespace {

class MonitorFixture {
 public:
  MonitorFixture() { world.reader("A"); }
  ~MonitorFixture() {
    Run();
    CHECK(world.watchers() == 0);
    loop->End();
  }
  void Run() {
    while (loop->RunDue() > 0) {
    }
  }
  template <class Condition>
  bool RunUntil(Condition condition) {
    return Eventually([&] {
      loop->RunDue();
      return condition();
    });
  }
  // Records the reports: "A1 B1 | - | A2", with the number of the card.
  Monitor::Report Into(std::string& reports) {
    return [&reports](const Result<Monitor::Picture>& picture) {
      if (!reports.empty()) reports += " | ";
      if (!picture) {
        reports += "-";
        return;
      }
      std::string text;
      for (const ReaderStatus& reader : picture.value()) {
        if (!text.empty()) text += " ";
        text += reader.reader + std::to_string(reader.event_count);
      }
      reports += text;
    };
  }

  const std::shared_ptr<Loop> loop = Loop::Create();
  StandInBackend world{loop};
  const std::shared_ptr<Monitor> monitor = Monitor::Create(loop, backend::Always(world));
};

// Watchers that report what a test provides; none reports by itself.
class ByHand final : public backend::Backend {
 public:
  const char* name() const override { return "by hand"; }
  std::unique_ptr<backend::Client> MakeClient(const std::shared_ptr<Loop>&) const override { return nullptr; }
  std::unique_ptr<backend::Watcher> Watch(const std::shared_ptr<Loop>&,
                                          backend::Report given) const override {
    ++made;
    report = std::move(given);
    return std::make_unique<backend::Watcher>();
  }
  mutable int made = 0;
  mutable backend::Report report;
};

}  // namespace

TEST_SUITE("monitor") {
  TEST_CASE_FIXTURE(MonitorFixture,
                    "without subscribers there is no watcher, and all subscribers share one") {
    std::string one;
    std::string two;
    Run();
    CHECK(world.watchers_made() == 0);
    auto first = monitor->Subscribe(loop, Into(one));
    CHECK(one.empty());
    Run();
    auto second = monitor->Subscribe(loop, Into(two));
    Run();
    CHECK(one == "A1");
    CHECK(two == "A1");
    CHECK(world.watchers() == 1);
    REQUIRE(monitor->known());
    CHECK(monitor->known()->ok());
    first = nullptr;
    Run();
    CHECK(world.watchers() == 1);
    second = nullptr;
    Run();
    CHECK(world.watchers() == 0);
    CHECK_FALSE(monitor->known());
    first = monitor->Subscribe(loop, Into(one));
    Run();
    CHECK(world.watchers_made() == 2);
    CHECK(one == "A1 | A1");
  }

  TEST_CASE_FIXTURE(MonitorFixture, "each change is reported once, and the same picture is not repeated") {
    std::string reports;
    const auto subscription = monitor->Subscribe(loop, Into(reports));
    Run();
    world.Change("A", [](auto& reader) { reader.card = 2; });
    Run();
    world.Change("A", [](auto&) {});
    Run();
    world.reader("B");
    world.Change("B", [](auto&) {});
    Run();
    world.RemoveReader("A");
    Run();
    CHECK(reports == "A1 | A2 | A2 B1 | B1");
  }

  TEST_CASE_FIXTURE(MonitorFixture, "an empty list of readers is a picture") {
    world.RemoveReader("A");
    std::string reports = "nothing yet";
    const auto subscription = monitor->Subscribe(loop, Into(reports));
    Run();
    CHECK(reports == "nothing yet | ");
  }

  TEST_CASE_FIXTURE(MonitorFixture,
                    "a failing service is reported once, tried again with growing pauses, and restored") {
    std::string reports;
    const auto subscription = monitor->Subscribe(loop, Into(reports));
    Run();
    world.Die();
    Run();
    CHECK(reports == "A1 | -");
    const auto start = std::chrono::steady_clock::now();
    REQUIRE(RunUntil([&] { return world.watchers_made() == 4; }));
    CHECK(std::chrono::steady_clock::now() - start >= milliseconds(50 + 100 + 200));
    CHECK(reports == "A1 | -");
    std::string late;
    const auto latecomer = monitor->Subscribe(loop, Into(late));
    Run();
    CHECK(late == "-");
    world.Restart();
    REQUIRE(RunUntil([&] { return reports != "A1 | -"; }));
    CHECK(reports == "A1 | - | A1");
    CHECK(late == "- | A1");
    // The pauses start again.
    const int made = world.watchers_made();
    world.Die();
    Run();
    world.Restart();
    const auto again = std::chrono::steady_clock::now();
    REQUIRE(RunUntil([&] { return world.watchers_made() == made + 1; }));
    CHECK(std::chrono::steady_clock::now() - again < milliseconds(1000));
    Run();
    CHECK(reports == "A1 | - | A1 | - | A1");
  }

  TEST_CASE_FIXTURE(
      MonitorFixture,
      "a service that stops with the last reader has no readers, and is tried again with pauses") {
    const ByHand library;
    const auto stopping = Monitor::Create(loop, backend::Always(library));
    std::string reports;
    const auto subscription = stopping->Subscribe(loop, Into(reports));
    Run();
    SUBCASE("later") {
      library.report(backend::Picture{{"A", 0, 1, {}}});
      Run();
      CHECK(reports == "A1");
      reports = "now";
    }
    SUBCASE("from the start") {
      reports = "now";
    }
    const auto start = std::chrono::steady_clock::now();
    while (library.made < 3) {
      library.report(Error{status::kNoReadersAvailable, "SCardEstablishContext", "", ""});
      REQUIRE(RunUntil([&, before = library.made] { return library.made > before; }));
      // Once.
      CHECK(reports.substr(0, 6) == "now | ");
      CHECK(reports.size() == 6);
    }
    CHECK(std::chrono::steady_clock::now() - start >= milliseconds(50 + 100));
    library.report(backend::Picture{{"B", 0, 2, {}}});
    Run();
    CHECK(reports == "now |  | B2");
    // A service that fails for another reason is an error.
    library.report(Error{status::kNoService, "SCardEstablishContext", "", ""});
    Run();
    CHECK(reports == "now |  | B2 | -");
  }

  TEST_CASE_FIXTURE(MonitorFixture,
                    "a missing service at the start, and a missing backend, are errors as well") {
    std::string reports;
    SUBCASE("service") {
      world.Die();
      const auto subscription = monitor->Subscribe(loop, Into(reports));
      Run();
      CHECK(reports == "-");
      world.Restart();
      REQUIRE(RunUntil([&] { return reports == "- | A1"; }));
    }
    SUBCASE("backend") {
      int asked = 0;
      const auto picky = Monitor::Create(loop, [&](const std::shared_ptr<Loop>&, const auto& then) {
        if (++asked < 3) return then(Error{status::kLibraryMissing, "load", "", ""});
        then(&world);
      });
      const auto subscription = picky->Subscribe(loop, Into(reports));
      Run();
      CHECK(reports == "-");
      REQUIRE(RunUntil([&] { return reports == "- | A1"; }));
      CHECK(asked == 3);
    }
  }

  TEST_CASE_FIXTURE(MonitorFixture,
                    "retries stop without subscribers, and a backend that arrives too late is not used") {
    std::string reports;
    SUBCASE("in the pause") {
      world.Die();
      auto subscription = monitor->Subscribe(loop, Into(reports));
      Run();
      subscription = nullptr;
      Run();
      const int made = world.watchers_made();
      world.Restart();
      Loop::Timer timer;
      bool over = false;
      timer = loop->After(milliseconds(120), [&] { over = true; });
      REQUIRE(RunUntil([&] { return over; }));
      CHECK(world.watchers_made() == made);
      CHECK(reports == "-");
    }
    SUBCASE("while the backend is being chosen") {
      std::function<void(Result<const backend::Backend*>)> choose;
      const auto slow =
          Monitor::Create(loop, [&](const std::shared_ptr<Loop>&, auto then) { choose = std::move(then); });
      auto subscription = slow->Subscribe(loop, Into(reports));
      Run();
      REQUIRE(choose);
      const auto late = std::exchange(choose, nullptr);
      subscription = nullptr;
      Run();
      late(&world);
      Run();
      CHECK(world.watchers_made() == 0);
      subscription = slow->Subscribe(loop, Into(reports));
      Run();
      choose(&world);
      Run();
      CHECK(reports == "A1");
      CHECK(world.watchers_made() == 1);
    }
  }

  TEST_CASE_FIXTURE(MonitorFixture,
                    "a subscription may end or begin within a report, and no report arrives after its end") {
    std::string reports;
    std::string others;
    std::shared_ptr<Monitor::Subscription> own;
    std::shared_ptr<Monitor::Subscription> other;
    std::shared_ptr<Monitor::Subscription> made;
    int times = 0;
    own = monitor->Subscribe(loop, [&](const Result<Monitor::Picture>& picture) {
      ++times;
      CHECK(picture.ok());
      own = nullptr;
      other = nullptr;
      made = monitor->Subscribe(loop, Into(reports));
      CHECK(picture.ok());  // still there
    });
    other = monitor->Subscribe(loop, Into(others));
    Run();
    CHECK(times == 1);
    CHECK(others.empty());
    world.Change("A", [](auto& reader) { reader.card = 2; });
    Run();
    CHECK(times == 1);
    CHECK(reports == "A1 | A2");
    CHECK(world.watchers_made() == 1);
  }

  TEST_CASE("subscribers on several loops each receive every change on their own thread") {
    const std::shared_ptr<Loop> home = Loop::OfProcess();
    REQUIRE(home);
    StandInBackend world(home);
    const auto monitor = Monitor::Create(home, backend::Always(world));
    const auto sync = [&](auto task) {
      home->Sync([&] {
        task();
        return true;
      });
    };
    sync([&] { world.reader("A"); });
    constexpr std::uint32_t kLast = 50;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        const std::shared_ptr<Loop> loop = Loop::Create();
        std::uint32_t last = 0;
        auto subscription = monitor->Subscribe(loop, [&](const Result<Monitor::Picture>& picture) {
          CHECK(loop->OnThisThread());
          CHECK(picture.ok());
          if (!picture) return;
          CHECK(picture.value().front().event_count > last);
          last = picture.value().front().event_count;
        });
        // One of them subscribes and unsubscribes all the time.
        CHECK(Eventually([&] {
          loop->RunDue();
          if (t == 0) monitor->Subscribe(loop, [](const Result<Monitor::Picture>&) { FAIL_CHECK("ended"); });
          return last == kLast;
        }));
        subscription = nullptr;
        loop->End();
      });
    }
    for (std::uint32_t card = 2; card <= kLast; ++card) {
      sync([&] { world.Change("A", [&](auto& reader) { reader.card = static_cast<int>(card); }); });
      std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    sync([&] { CHECK(world.watchers() == 0); });
  }
}
