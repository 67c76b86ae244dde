// The card cache, evicting: sessions that end, cards that are removed, cancelled lookups, leases that fail.
#include "cache/card_cache.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "card_cache_fixture.h"

namespace {

using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Error;
using pcsc_bridge::Lease;
using pcsc_bridge::Monitor;
using pcsc_bridge::NewSessionInstance;
using pcsc_bridge::ReaderStatus;
using pcsc_bridge::Result;
using pcsc_bridge::SessionIdentity;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;
namespace reader_state = pcsc_bridge::reader_state;

TEST_CASE_FIXTURE(Filtered, "a session that returns with a new connect time loses its previous entries") {
  Lease used = Acquire(kAnna, "A");
  world->VerifyPin("A", kAnna);
  CHECK(End(std::move(used)).ok());
  Use(kAnna, "B");
  Use(kBert, "C");
  const SessionIdentity back{kAnna.id, kAnna.connect_time + 1};
  const Lease lease = Acquire(back, "A");
  CHECK(lease.fresh());
  CHECK_FALSE(world->PinOf("A").has_value());
  const auto entries = cache->Entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].identity == kBert);
  CHECK(entries[1].identity == back);
}

TEST_CASE_FIXTURE(Filtered, "an unknown connect time neither matches a known one nor evicts its entries") {
  Use(kAnna, "A");
  const SessionIdentity unknown{kAnna.id, 0, NewSessionInstance()};
  CHECK(Acquire(unknown, "A").fresh());
  CHECK(cache->Entries().size() == 2);
  CHECK_FALSE(Acquire(kAnna, "A").fresh());
  CHECK_FALSE(Acquire(unknown, "A").fresh());
}

TEST_CASE_FIXTURE(Filtered, "evicting an identity removes its entries, and no others") {
  Use(kAnna, "A");
  Use(kAnna, "B");
  Use(kBert, "C");
  CHECK(cache->Evict(kAnna) == 2);
  CHECK(cache->Entries().size() == 1);
  CHECK(world->open_handles() == 1);
  CHECK(cache->Evict(kAnna) == 0);
}

TEST_CASE_FIXTURE(Filtered, "an entry that is evicted while leased works until the end of the lease") {
  Lease lease = Acquire(kAnna, "A");
  Asked waiting = Ask(kAnna, "A");
  CHECK(cache->Evict(kAnna) == 1);
  CHECK(cache->Entries().size() == 1);  // the one that the waiting lookup connects
  CHECK(End(std::move(lease)).ok());
  Result<Lease> next = waiting.answer.Wait();
  REQUIRE(next.ok());
  CHECK(next->fresh());
  // The evicted handle still owes the card a reset, which waits for the lease.
  CHECK(End(std::move(*next)).ok());
  CHECK(world->open_handles() == 1);
  CHECK(world->log().find("close A reset") != std::string::npos);
  CHECK(cache->Entries().size() == 1);
}

TEST_CASE_FIXTURE(Filtered, "a lookup whose connect is evicted connects again, and is not cancelled") {
  world->Hold("A");
  Asked asked = Ask(kAnna, "A");
  CHECK(cache->Evict(kAnna) == 1);
  CHECK_FALSE(asked.answer.given());
  world->Free("A");
  REQUIRE(asked.answer.given());
  CHECK(asked.answer.Wait().ok());
}

TEST_CASE_FIXTURE(Filtered, "a lookup whose evaluation is evicted connects again") {
  Use(kAnna, "A");
  world->Hold("A");
  Asked asked = Ask(kAnna, "A");
  CHECK(cache->Evict(kAnna) == 1);
  world->Free("A");
  REQUIRE(asked.answer.given());
  CHECK(asked.answer.Wait()->fresh());
}

TEST_CASE_FIXTURE(Filtered, "evicting an id with an unknown connect time evicts all its instances") {
  const SessionIdentity first{5, 0, NewSessionInstance()};
  const SessionIdentity second{5, 0, NewSessionInstance()};
  Use(first, "A");
  Use(second, "B");
  Use(SessionIdentity{5, 100}, "C");
  Use(SessionIdentity{6, 0, NewSessionInstance()}, "D");
  SUBCASE("by the id alone") {
    CHECK(cache->Evict(SessionIdentity{5, 0}) == 2);
    CHECK(Readers() == "CD");
  }
  SUBCASE("one of them by its instance") {
    CHECK(cache->Evict(second) == 1);
    CHECK(Readers() == "ACD");
  }
}

TEST_CASE_FIXTURE(Filtered, "two users of one session share no entry, and each can be evicted alone") {
  const SessionIdentity alice{5, 100, 0, "1000"};
  const SessionIdentity bob{5, 100, 0, "1001"};
  Lease lease = Acquire(alice, "A");
  world->VerifyPin("A", alice);
  CHECK(End(std::move(lease)).ok());
  Use(alice, "B");
  CHECK(Acquire(bob, "A").fresh());
  CHECK_FALSE(world->PinOf("A").has_value());
  Use(SessionIdentity{5, 100}, "C");
  SUBCASE("those of one user") {
    CHECK(cache->Evict(bob) == 1);
    CHECK(Readers() == "ABC");
  }
  SUBCASE("those of every user, if no user is given") {
    CHECK(cache->Evict(SessionIdentity{5, 100}) == 4);
    CHECK(Readers().empty());
  }
  SUBCASE("only those of the unknown user, if its session is released") {
    cache->Release(SessionIdentity{5, 100}, nullptr);
    CHECK(Readers() == "ABA");
  }
  SUBCASE("a new connection of the session ends those of every user") {
    Use(SessionIdentity{5, 101, 0, "1001"}, "D");
    CHECK(Readers() == "D");
  }
}

TEST_CASE_FIXTURE(Filtered, "the end of an entry resets its card") {
  Lease lease = Acquire(kAnna, "A");
  world->VerifyPin("A", kAnna);
  SUBCASE("when it is evicted") {
    CHECK(End(std::move(lease)).ok());
    CHECK(cache->Evict(kAnna) == 1);
  }
  SUBCASE("when it was evicted while leased") {
    CHECK(cache->Evict(kAnna) == 1);
    CHECK(End(std::move(lease)).ok());
  }
  SUBCASE("when its session comes back") {
    CHECK(End(std::move(lease)).ok());
    Use(SessionIdentity{kAnna.id, kAnna.connect_time + 1}, "B");
  }
  SUBCASE("when the cache is closed") {
    CHECK(End(std::move(lease)).ok());
    cache->Close(nullptr);
  }
  CHECK_FALSE(world->PinOf("A").has_value());
  CHECK(world->log().find("close A reset") != std::string::npos);
}

TEST_CASE_FIXTURE(Filtered, "the end of an entry leaves its card alone") {
  SUBCASE("if it has been reset since") {
    CHECK(End(Acquire(kAnna, "A"), Disposition::kReset).ok());
    CHECK(cache->Evict(kAnna) == 1);
  }
  SUBCASE("if it was reset for another session, which has used it since") {
    Use(kAnna, "A");
    Lease bert = Acquire(kBert, "A");
    world->VerifyPin("A", kBert);
    CHECK(End(std::move(bert)).ok());
    CHECK(cache->Evict(kAnna) == 1);
    CHECK(world->PinOf("A") == kBert);
  }
  SUBCASE("if it has been removed") {
    Use(kAnna, "A");
    cache->DropGoneEntries(Monitor::Picture{});
  }
  CHECK(world->log().find("close A leave") != std::string::npos);
  CHECK(world->log().find("close A reset") == std::string::npos);
}

TEST_CASE_FIXTURE(Filtered,
                  "an eviction does not wait for a card that another process holds, but resets it later") {
  Lease lease = Acquire(kAnna, "A");
  world->VerifyPin("A", kAnna);
  CHECK(End(std::move(lease)).ok());
  world->Hold("A");
  Moment closed;
  CHECK(cache->Evict(kAnna, [&] { closed.Come(); }) == 1);
  CHECK(closed.come());
  CHECK(world->PinOf("A") == kAnna);
  world->Free("A");
  CHECK_FALSE(world->PinOf("A").has_value());
  CHECK(world->open_handles() == 0);
}

ReaderStatus Reader(const std::string& name, std::uint32_t state) {
  ReaderStatus reader;
  reader.reader = name;
  reader.state = state;
  return reader;
}

TEST_CASE_FIXTURE(Filtered, "idle entries are evicted with their card, their reader, or the service") {
  Use(kAnna, "A");
  Use(kAnna, "B");
  Use(kBert, "C");
  const Lease leased = Acquire(kBert, "D");
  cache->DropGoneEntries(
      Monitor::Picture{Reader("A", reader_state::kPresent), Reader("B", reader_state::kEmpty)});
  const auto entries = cache->Entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].reader == "A");
  CHECK(entries[1].reader == "D");
  cache->DropGoneEntries(Error{status::kNoService, "", "", ""});
  CHECK(cache->Entries().size() == 1);
}

TEST_CASE_FIXTURE(Filtered, "a lease that is destroyed resets the card") {
  { const Lease dropped = Acquire(kAnna, "A"); }
  CHECK(world->log() == "open A, end A reset");
  CHECK_FALSE(cache->Entries()[0].leased);
}

TEST_CASE_FIXTURE(Filtered,
                  "an entry whose lease cannot be ended is dropped, and its waiting lookups connect again") {
  Lease lease = Acquire(kAnna, "A");
  world->VerifyPin("A", kAnna);
  Asked waiting = Ask(kBert, "A");
  Asked own = Ask(kAnna, "A");
  world->FailEnds(1);
  CHECK_FALSE(End(std::move(lease)).ok());
  Result<Lease> bert = waiting.answer.Wait();
  REQUIRE(bert.ok());
  CHECK_FALSE(world->PinOf("A").has_value());
  CHECK(End(std::move(*bert)).ok());
  CHECK(own.answer.Wait()->fresh());
}

TEST_CASE_FIXTURE(Unfiltered,
                  "a cancelled lookup is answered at once in every phase, and affects no other lookup") {
  Lease lease = Acquire(kAnna, "A");
  SUBCASE("in the queue for an entry") {
    Asked asked = Ask(kBert, "B");
    Asked next = Ask(kBert, "B");
    asked.lookup->Cancel();
    CHECK(asked.answer.Wait().code() == status::kCancelled);
    CHECK(End(std::move(lease)).ok());
    CHECK(next.answer.Wait().ok());
  }
  SUBCASE("in an evaluation that waits") {
    CHECK(End(std::move(lease)).ok());
    world->Hold("A");
    Asked asked = Ask(kBert, "A");
    asked.lookup->Cancel();
    CHECK(asked.answer.Wait().code() == status::kCancelled);
    world->Free("A");
    CHECK_FALSE(Acquire(kAnna, "A").fresh());  // the entry is still valid
  }
  SUBCASE("after its answer") {
    CHECK(End(std::move(lease)).ok());
    Asked asked = Ask(kBert, "A");
    Result<Lease> got = asked.answer.Wait();
    asked.lookup->Cancel();
    REQUIRE(got.ok());
    CHECK(End(std::move(*got)).ok());
  }
}

TEST_CASE_FIXTURE(Filtered, "a cancelled lookup that was just given the entry passes it on") {
  world->PutTasksOff();
  const auto run = [&] {
    while (world->RunTask(0)) {
    }
  };
  Asked first = Ask(kAnna, "A");
  run();
  Asked second = Ask(kAnna, "A");
  Asked third = Ask(kAnna, "A");
  Answer<Done> ended;
  first.answer.Wait()->End(Disposition::kLeave, ended.Take());
  CHECK(world->RunTask(0));  // the end: the second lookup has been notified, and has started its evaluation
  second.lookup->Cancel();
  CHECK(second.answer.Wait().code() == status::kCancelled);
  run();
  REQUIRE(third.answer.given());
  {
    const Result<Lease> lease = third.answer.Wait();
    CHECK(lease.ok());
  }
  run();
}

TEST_CASE_FIXTURE(Filtered, "an entry that is handed over is neither lost by a cancel nor leased twice") {
  constexpr int kRounds = 4000;
  std::atomic<int> round{-1};
  std::atomic<int> done{-1};
  Asked second;
  Asked other;
  // Concurrently with the end that hands the entry to the second lookup: cancels that lookup, or starts
  // another one.
  std::thread beside([&] {
    for (int mine = 0; mine < kRounds; ++mine) {
      while (round < mine) std::this_thread::yield();
      for (volatile int spin = 0; spin < (mine * 37) % 1500; spin = spin + 1) {
      }
      if (mine % 2 == 0) {
        second.lookup->Cancel();
      } else {
        loop->Post([&] { other = Ask(kAnna, "A"); });
      }
      done = mine;
    }
  });
  const auto end = [](Result<Lease> lease) {
    if (lease) CHECK(End(std::move(*lease)).ok());
  };
  for (int mine = 0; mine < kRounds; ++mine) {
    Lease first = Acquire(kAnna, "A");
    second = Ask(kAnna, "A");
    Asked third = Ask(kAnna, "A");
    round = mine;
    // The other thread's request is carried out before the end or after it.
    loop->RunDue();
    CHECK(End(std::move(first)).ok());
    while (done < mine) std::this_thread::yield();
    loop->RunDue();
    end(second.answer.Wait());
    end(third.answer.Wait());
    if (mine % 2 == 1) end(other.answer.Wait());
  }
  beside.join();
  CHECK(cache->Entries().size() == 1);
}

TEST_CASE_FIXTURE(
    Filtered,
    "a closed cache rejects lookups and closes its handles, leased ones at the end of their leases") {
  Use(kAnna, "A");
  Lease lease = Acquire(kBert, "B");
  Asked waiting = Ask(kBert, "B");
  world->Hold("C");
  Asked opening = Ask(kBert, "C");
  Moment closed;
  cache->Close([&] { closed.Come(); });
  CHECK(closed.come());
  CHECK(waiting.answer.Wait().code() == status::kClosed);
  CHECK(opening.answer.Wait().code() == status::kClosed);
  Asked late = Ask(kAnna, "A");
  CHECK(late.answer.Wait().code() == status::kClosed);
  CHECK(world->open_handles() == 1);
  CHECK(End(std::move(lease)).ok());
  CHECK(world->open_handles() == 0);
  CHECK(cache->Entries().empty());
}

constexpr std::uint32_t kEntries = 200;

struct UnfilteredAndLarge : Cache {
  static pcsc_bridge::CardCacheOptions Options() {
    pcsc_bridge::CardCacheOptions options = WithFilter(false);
    options.max_entries = kEntries + 1;
    return options;
  }
  UnfilteredAndLarge() : Cache(Options()) {}
};

TEST_CASE_FIXTURE(UnfilteredAndLarge, "off: a lookup past many entries is a loop, not a deep recursion") {
  for (std::uint32_t i = 0; i < kEntries; ++i) Use(SessionIdentity{i, 1}, std::to_string(i));
  CHECK(cache->Entries().size() == kEntries);
  for (std::uint32_t i = 0; i < kEntries; i += 2) world->ExchangeCard(std::to_string(i));
  CHECK(Acquire(kAnna, "A").evaluated().size() == kEntries);
  CHECK(world->max_depth() < 10);
}

}  // namespace
