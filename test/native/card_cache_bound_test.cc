// The limits of the card cache: how many entries it keeps, and for how long.
#include "cache/card_cache.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>

#include "card_cache_fixture.h"

namespace {

using pcsc_bridge::CardCacheOptions;
using pcsc_bridge::Disposition;
using pcsc_bridge::Lease;
using pcsc_bridge::Result;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
using namespace std::chrono_literals;

CardCacheOptions AtMost(std::size_t entries) {
  CardCacheOptions options;
  options.max_entries = entries;
  return options;
}
CardCacheOptions IdleFor(std::optional<std::chrono::milliseconds> time) {
  CardCacheOptions options;
  options.max_idle = time;
  return options;
}

struct Two : Cache {
  Two() : Cache(AtMost(2)) {}
};

TEST_CASE_FIXTURE(Two, "beyond the limit the least recently used idle entry is evicted, with a reset") {
  Use(kAnna, "A");
  Lease bert = Acquire(kBert, "B");
  world->VerifyPin("B", kBert);
  CHECK(End(std::move(bert)).ok());
  Use(kAnna, "A");  // B is now the least recently used one
  Use(kAnna, "C");
  CHECK(Readers() == "AC");
  CHECK(world->open_handles() == 2);
  CHECK_FALSE(world->PinOf("B").has_value());
  CHECK(world->log().find("close B reset") != std::string::npos);
}

TEST_CASE_FIXTURE(Two, "an evicted entry is connected again") {
  Use(kAnna, "A");
  Use(kAnna, "B");
  Use(kAnna, "C");
  CHECK(Readers() == "BC");
  CHECK(Acquire(kAnna, "A").fresh());
}

TEST_CASE_FIXTURE(Two, "entries in use are never evicted, so that the limit may be exceeded for that time") {
  Lease a = Acquire(kAnna, "A");
  Lease b = Acquire(kAnna, "B");
  Lease c = Acquire(kAnna, "C");
  CHECK(Readers() == "ABC");
  CHECK(End(std::move(b)).ok());
  CHECK(Readers() == "AC");
  CHECK(End(std::move(a)).ok());
  CHECK(End(std::move(c)).ok());
  CHECK(Readers() == "AC");
  CHECK(world->open_handles() == 2);
}

TEST_CASE_FIXTURE(Two, "an entry with a queued lookup is leased to it, and not evicted") {
  Lease a = Acquire(kAnna, "A");
  Lease b = Acquire(kAnna, "B");
  Lease c = Acquire(kAnna, "C");
  Asked next = Ask(kAnna, "A");
  CHECK(End(std::move(a)).ok());
  REQUIRE(next.answer.given());
  Result<Lease> lease = next.answer.Wait();
  REQUIRE(lease.ok());
  CHECK_FALSE(lease->fresh());
  CHECK(Readers() == "ABC");
}

TEST_CASE_FIXTURE(Two, "a lookup whose connect fails evicts nothing") {
  Use(kAnna, "A");
  Use(kAnna, "B");
  world->FailOpens(1);
  Asked failed = Ask(kAnna, "C");
  CHECK_FALSE(failed.answer.Wait().ok());
  CHECK(Readers() == "AB");
}

struct NoEntry : Cache {
  NoEntry() : Cache(AtMost(0)) {}
};

TEST_CASE_FIXTURE(NoEntry, "with a limit of 0 every card is connected only for its lease") {
  Lease lease = Acquire(kAnna, "A");
  CHECK(Readers() == "A");
  CHECK(End(std::move(lease)).ok());
  CHECK(Readers().empty());
  CHECK(world->open_handles() == 0);
  CHECK(Acquire(kAnna, "A").fresh());
}

constexpr auto kIdle = 30ms;

struct Expiring : Cache {
  Expiring() : Cache(IdleFor(kIdle)) {}
  void WaitUntilGone(const std::string& left) {
    CHECK(Eventually([&] {
      loop->RunDue();
      return Readers() == left;
    }));
  }
};

TEST_CASE_FIXTURE(Expiring,
                  "an entry that was idle for the expiry time is evicted, with a reset, and not before") {
  Lease lease = Acquire(kAnna, "A");
  world->VerifyPin("A", kAnna);
  const auto idle_since = std::chrono::steady_clock::now();
  CHECK(End(std::move(lease)).ok());
  CHECK(Readers() == "A");
  WaitUntilGone("");
  CHECK(std::chrono::steady_clock::now() - idle_since >= kIdle);
  CHECK_FALSE(world->PinOf("A").has_value());
  CHECK(world->open_handles() == 0);
  CHECK(Acquire(kAnna, "A").fresh());
}

TEST_CASE_FIXTURE(Expiring, "an entry in use does not expire, however long its lease is") {
  Use(kAnna, "A");
  Lease lease = Acquire(kAnna, "B");
  WaitUntilGone("B");
  CHECK(End(std::move(lease)).ok());
  CHECK(Readers() == "B");  // idle from now on
  WaitUntilGone("");
}

TEST_CASE_FIXTURE(Expiring, "each entry expires at its own time") {
  Use(kAnna, "A");
  const auto half = std::chrono::steady_clock::now() + kIdle / 2;
  CHECK(Eventually([&] { return std::chrono::steady_clock::now() >= half; }));
  const auto idle_since = std::chrono::steady_clock::now();
  Use(kAnna, "B");
  WaitUntilGone("");
  CHECK(std::chrono::steady_clock::now() - idle_since >= kIdle);
}

struct Staying : Cache {
  Staying() : Cache(IdleFor(std::nullopt)) {}
};

TEST_CASE_FIXTURE(Staying, "without an expiry time entries stay, and the cache sets no timer") {
  Use(kAnna, "A");
  const auto later = std::chrono::steady_clock::now() + 2 * kIdle;
  CHECK(Eventually([&] { return std::chrono::steady_clock::now() >= later; }));
  CHECK(loop->RunDue() == 0);
  CHECK(Readers() == "A");
}

}  // namespace
