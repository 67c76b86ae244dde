// Questions to the service that concern no card, on one shared context.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "answer.h"
#include "connection_fixture.h"
#include "readers/questions.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;

namespace {

using Names = std::vector<std::string>;

class QuestionsFixture {
 public:
  QuestionsFixture() {
    world.reader("A");
    world.reader("B");
  }
  ~QuestionsFixture() {
    world.GoOn();
    Run();
    questions = nullptr;
    Run();
    CHECK(world.contexts() == 0);
    loop->End();
  }
  void Run() {
    while (loop->RunDue() > 0) {
    }
  }
  Result<Names> List() {
    Given<Names> names;
    questions->ListReaders({}, loop, names.Take());
    Run();
    REQUIRE(names.come());
    if (names.code() != status::kSuccess) return names.error();
    return names.value();
  }
  Result<bool> IsValid() {
    Given<bool> valid;
    questions->IsValid(loop, valid.Take());
    Run();
    REQUIRE(valid.come());
    if (valid.code() != status::kSuccess) return valid.error();
    return valid.value();
  }

  const std::shared_ptr<Loop> loop = Loop::Create();
  StandInBackend world{loop};
  std::shared_ptr<Questions> questions = Questions::Create(loop, backend::Always(world));
};

}  // namespace

TEST_SUITE("questions") {
  TEST_CASE_FIXTURE(QuestionsFixture,
                    "all questions use one context, one after another, and are answered in order") {
    std::string order;
    for (int i = 0; i < 100; ++i) {
      questions->ListReaders({}, loop, [&, i](const Result<Names>& names) {
        CHECK(names.value() == Names{"A", "B"});
        order += static_cast<char>('0' + i % 10);
      });
    }
    Given<Names> groups;
    questions->ListReaderGroups(loop, groups.Take());
    CHECK(order.empty());
    Run();
    CHECK(groups.value().empty());
    CHECK(order.size() == 100);
    CHECK(order.substr(0, 12) == "012345678901");
    CHECK(world.clients() == 1);
  }

  TEST_CASE_FIXTURE(QuestionsFixture, "a cancelled question costs nothing, also in a hung service") {
    world.Hang();
    Given<Names> first;
    questions->ListReaders({}, loop, first.Take());
    Run();
    for (int i = 0; i < 300; ++i) {
      Given<Names> given_up;
      const auto question = questions->ListReaders({}, loop, given_up.Take());
      Run();
      question->Cancel();
      CHECK(given_up.code() == status::kCancelled);
      question->Cancel();
    }
    CHECK(world.clients() == 1);
    world.TakeLog();
    world.GoOn();
    Run();
    CHECK(first.value() == Names{"A", "B"});
    CHECK(world.TakeLog() == "list");
    CHECK(List().ok());
    CHECK(world.clients() == 1);
  }

  TEST_CASE_FIXTURE(QuestionsFixture,
                    "a question cancelled in progress continues, and its answer is dropped") {
    world.Hang();
    Given<Names> given_up;
    Given<Names> next;
    const auto question = questions->ListReaders({}, loop, given_up.Take());
    questions->ListReaders({}, loop, next.Take());
    Run();
    question->Cancel();
    CHECK(given_up.code() == status::kCancelled);
    world.GoOn();
    Run();
    CHECK(next.code() == status::kSuccess);
    CHECK(world.TakeLog() == "list, list");
    question->Cancel();
  }

  TEST_CASE_FIXTURE(QuestionsFixture, "a context that died with its service is replaced once") {
    CHECK(List().ok());
    world.Die();
    SUBCASE("the question is answered if the service runs again") {
      world.Restart();
      CHECK(List().ok());
      CHECK(world.clients() == 2);
    }
    SUBCASE("the error is returned if it does not") {
      CHECK(List().code() == status::kNoService);
      CHECK(world.clients() == 2);
      CHECK(world.contexts() == 0);
      CHECK(List().code() == status::kNoService);
      CHECK(world.clients() == 3);
      world.Restart();
      CHECK(List().ok());
    }
    SUBCASE("the question fails if the service dies in the middle of it") {
      world.Restart();
      CHECK(List().ok());
      world.Hang();
      Given<Names> names;
      questions->ListReaders({}, loop, names.Take());
      Run();
      world.Die();
      world.Restart();
      Run();
      CHECK(names.code() == status::kSuccess);
    }
    Run();
    CHECK(world.contexts() <= 1);
  }

  TEST_CASE_FIXTURE(QuestionsFixture,
                    "IsValid returns whether the context is valid, and the next one is valid again") {
    CHECK(IsValid().value());
    CHECK(List().ok());
    world.Die();
    CHECK_FALSE(IsValid().value());
    CHECK_FALSE(IsValid().value());
    world.Restart();
    CHECK(IsValid().value());
    world.Die();
    world.Restart();
    CHECK_FALSE(IsValid().value());
    CHECK(IsValid().value());
  }

  TEST_CASE_FIXTURE(QuestionsFixture, "a cancelled IsValid has only that result") {
    world.Hang();
    Given<bool> valid;
    const auto question = questions->IsValid(loop, valid.Take());
    Run();
    question->Cancel();
    CHECK(valid.code() == status::kCancelled);
  }

  TEST_CASE_FIXTURE(QuestionsFixture,
                    "without a backend there is an error, and the next question tries again") {
    int asked = 0;
    questions = Questions::Create(loop, [&](const std::shared_ptr<Loop>&, const auto& then) {
      if (++asked == 1) return then(Error{status::kLibraryMissing, "load", "", ""});
      then(&world);
    });
    Given<Names> first;
    Given<Names> second;
    questions->ListReaders({}, loop, first.Take());
    questions->ListReaders({}, loop, second.Take());
    Run();
    CHECK(first.code() == status::kLibraryMissing);
    CHECK(second.code() == status::kSuccess);
  }

  TEST_CASE_FIXTURE(QuestionsFixture,
                    "an answer may start more questions, cancel others and drop the questions") {
    Given<Names> again;
    Given<Names> cancelled;
    std::shared_ptr<Cancellable> other;
    questions->ListReaders({}, loop, [&](const Result<Names>&) {
      questions->ListReaders({}, loop, again.Take());
      other->Cancel();
    });
    other = questions->ListReaders({}, loop, cancelled.Take());
    Run();
    CHECK(again.code() == status::kSuccess);
    CHECK(cancelled.code() == status::kCancelled);
    bool come = false;
    questions->ListReaders({}, loop, [&](const Result<Names>&) {
      come = true;
      questions = nullptr;
    });
    Run();
    CHECK(come);
  }

  TEST_CASE("on several threads, questions are cancelled and each is answered once on its own loop") {
    const std::shared_ptr<Loop> home = Loop::OfProcess();
    REQUIRE(home);
    StandInBackend world(home);
    auto questions = Questions::Create(home, backend::Always(world));
    home->Sync([&] { return world.reader("A").present; });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        const std::shared_ptr<Loop> loop = Loop::Create();
        int answers = 0;
        for (int i = 0; i < 200; ++i) {
          const auto question = questions->ListReaders({}, loop, [&, i](const Result<Names>& names) {
            CHECK(loop->OnThisThread());
            CHECK((names.ok() || (i % 3 == 0 && names.code() == status::kCancelled)));
            ++answers;
          });
          if (i % 3 == 0) question->Cancel();
        }
        CHECK(Eventually([&] {
          loop->RunDue();
          return answers == 200;
        }));
        loop->End();
      });
    }
    for (std::thread& thread : threads) thread.join();
    home->Sync([&] {
      CHECK(world.clients() == 1);
      questions = nullptr;
      return true;
    });
    CHECK(Eventually([&] { return home->Sync([&] { return world.contexts() == 0; }); }));
  }
}
