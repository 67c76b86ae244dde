// What ends with an environment of the program.
#include <doctest/doctest.h>

#include <functional>
#include <memory>

#include "loop/scope.h"

using namespace pcsc_bridge;

namespace {

struct Guest : Resident {
  explicit Guest(Scope& scope) { scope.Add(*this); }
  ~Guest() override { Scope::Remove(*this); }
  void OnScopeEnd() override {
    ++ended;
    if (then) then();
  }
  int ended = 0;
  std::function<void()> then;
};

}  // namespace

TEST_SUITE("scope") {
  TEST_CASE("residents arrive and leave in any order, and each one that is left is ended once") {
    const auto scope = std::make_shared<Scope>(Loop::Create());
    std::unique_ptr<Guest> one;
    std::unique_ptr<Guest> two;
    std::unique_ptr<Guest> three;
    for (auto* guest : {&one, &two, &three}) *guest = std::make_unique<Guest>(*scope);
    SUBCASE("all stay") {}
    SUBCASE("the first leaves") {
      one.reset();
    }
    SUBCASE("the one in the middle leaves") {
      two.reset();
    }
    SUBCASE("the last leaves") {
      three.reset();
    }
    SUBCASE("one leaves twice") {
      Scope::Remove(*two);
      two.reset();
    }
    SUBCASE("one comes back") {
      one.reset();
      one = std::make_unique<Guest>(*scope);
    }
    CHECK_FALSE(scope->ended());
    scope->End();
    scope->End();
    CHECK(scope->ended());
    for (const auto* guest : {&one, &two, &three}) {
      if (*guest) CHECK((*guest)->ended == 1);
    }
  }

  TEST_CASE("while the scope ends, a resident may end others, end the scope again or add a new one") {
    const auto scope = std::make_shared<Scope>(Loop::Create());
    Guest one(*scope);
    auto two = std::make_unique<Guest>(*scope);
    std::unique_ptr<Guest> late;
    Guest three(*scope);
    three.then = [&] {
      CHECK(scope->ended());
      two = nullptr;
      scope->End();
      late = std::make_unique<Guest>(*scope);
    };
    scope->End();
    CHECK(one.ended == 1);
    CHECK(three.ended == 1);
    REQUIRE(late);
    CHECK(late->ended == 1);
  }

  TEST_CASE("a resident may drop the last reference to its scope") {
    auto scope = std::make_shared<Scope>(Loop::Create());
    Guest one(*scope);
    Guest two(*scope);
    two.then = [&] { scope = nullptr; };
    scope->End();
    CHECK(one.ended == 1);
    CHECK(two.ended == 1);
  }
}
