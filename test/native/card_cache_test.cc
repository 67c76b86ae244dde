// The card cache, looking up: which entries it evaluates, which handles it leases, and which cards it resets.
#include "cache/card_cache.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "card_cache_fixture.h"

namespace {

using pcsc_bridge::Disposition;
using pcsc_bridge::Lease;
using pcsc_bridge::LookupOptions;
using pcsc_bridge::NewSessionInstance;
using pcsc_bridge::Result;
using pcsc_bridge::SessionIdentity;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

constexpr pcsc_bridge::CardId kCardX{0x01};
constexpr pcsc_bridge::CardId kCardY{0x02};

TEST_CASE_FIXTURE(Filtered, "the first lookup connects, the next one evaluates and leases the cached card") {
  Lease lease = Acquire(kAnna, "A");
  CHECK(lease.fresh());
  CHECK(lease.evaluated().empty());
  CHECK(lease.entry().identity == kAnna);
  CHECK(End(std::move(lease)).ok());
  Lease again = Acquire(kAnna, "A");
  CHECK_FALSE(again.fresh());
  REQUIRE(again.evaluated().size() == 1);
  CHECK(again.evaluated()[0].valid);
  CHECK_FALSE(again.evaluated()[0].waited);
  CHECK(End(std::move(again)).ok());
  CHECK(world->log() == "open A, end A leave, evaluate A, end A leave");
}

TEST_CASE_FIXTURE(Unfiltered,
                  "off: a lookup evaluates every session's entries, in order, until one matches") {
  Use(kAnna, "A");
  Use(kBert, "B");
  world->ForgetLog();
  const Lease lease = Acquire(kBert, "B");
  CHECK(world->log() == "evaluate A, end A leave, evaluate B");
  REQUIRE(lease.evaluated().size() == 2);
  CHECK(lease.evaluated()[0].opened_by == kAnna);
  CHECK_FALSE(lease.fresh());
}

TEST_CASE_FIXTURE(Unfiltered, "off: a lookup waits for an entry whose card is in another's transaction") {
  Use(kAnna, "A");
  Use(kBert, "B");
  world->Hold("A");
  Asked bert = Ask(kBert, "B");
  CHECK_FALSE(bert.answer.given());
  world->Free("A");
  REQUIRE(bert.answer.given());
  CHECK(bert.answer.Wait().ok());
}

TEST_CASE_FIXTURE(Unfiltered, "off: a lookup waits for an entry that is leased, and reports the wait") {
  Lease anna = Acquire(kAnna, "A");
  Asked bert = Ask(kBert, "B");
  CHECK_FALSE(bert.answer.given());
  CHECK(End(std::move(anna)).ok());
  REQUIRE(bert.answer.given());
  Result<Lease> lease = bert.answer.Wait();
  REQUIRE(lease.ok());
  REQUIRE(lease->evaluated().size() == 1);
  CHECK(lease->evaluated()[0].waited);
}

TEST_CASE_FIXTURE(Unfiltered, "off: an identity gets a handle that another identity opened") {
  Use(kAnna, "A");
  const Lease lease = Acquire(kBert, "A");
  CHECK(lease.entry().identity == kAnna);
  CHECK_FALSE(lease.fresh());
}

TEST_CASE_FIXTURE(Filtered, "on: a lookup does not touch other sessions' entries, held or not") {
  Use(kAnna, "A");
  const Lease held = Acquire(kAnna, "A");
  world->Hold("C");
  world->ForgetLog();
  const Lease lease = Acquire(kBert, "B");
  CHECK(world->log() == "open B");
  CHECK(lease.evaluated().empty());
}

TEST_CASE_FIXTURE(
    Filtered, "on: no identity gets a handle that another identity opened, not even for the same reader") {
  Use(kAnna, "A");
  const Lease lease = Acquire(kBert, "A");
  CHECK(lease.fresh());
  CHECK(lease.entry().identity == kBert);
}

TEST_CASE_FIXTURE(Filtered, "on: an entry of the caller for another reader is not evaluated") {
  Use(kAnna, "A");
  world->Hold("A");
  CHECK(Acquire(kAnna, "B").evaluated().empty());
}

TEST_CASE_FIXTURE(Filtered,
                  "on: a card on which one identity verified a PIN is reset before another gets it") {
  Lease anna = Acquire(kAnna, "A");
  world->VerifyPin("A", kAnna);
  CHECK(End(std::move(anna)).ok());
  CHECK(world->PinOf("A") == kAnna);
  const Lease bert = Acquire(kBert, "A");
  CHECK_FALSE(world->PinOf("A").has_value());
}

TEST_CASE_FIXTURE(Filtered, "on: a PIN stays verified for the identity that verified it") {
  Lease anna = Acquire(kAnna, "A");
  world->VerifyPin("A", kAnna);
  CHECK(End(std::move(anna)).ok());
  CHECK(Acquire(kAnna, "A").entry().identity == kAnna);
  CHECK(world->log() == "open A, end A leave, evaluate A, end A reset");
}

TEST_CASE_FIXTURE(Filtered,
                  "on: a lookup that waited for another identity's transaction resets the card after it") {
  Lease anna = Acquire(kAnna, "A");
  Asked bert = Ask(kBert, "A");  // there was nothing to reset when the lookup was made
  CHECK_FALSE(bert.answer.given());
  world->VerifyPin("A", kAnna);
  CHECK(End(std::move(anna)).ok());
  REQUIRE(bert.answer.given());
  CHECK(bert.answer.Wait().ok());
  CHECK_FALSE(world->PinOf("A").has_value());
}

TEST_CASE_FIXTURE(Filtered,
                  "on: an end with reset that is reported late does not hide who has the card by then") {
  Use(kBert, "A");
  world->ForgetLog();
  Lease anna = Acquire(kAnna, "A");
  // Bert's lookup is the next user of the card: it has the card before Anna's end is reported.
  Asked bert = Ask(kBert, "A");
  CHECK(End(std::move(anna), Disposition::kReset).ok());
  REQUIRE(bert.answer.given());
  {
    Result<Lease> lease = bert.answer.Wait();
    REQUIRE(lease.ok());
    world->VerifyPin("A", kBert);
    CHECK(End(std::move(*lease)).ok());
  }
  const Lease again = Acquire(kAnna, "A");
  CHECK_FALSE(world->PinOf("A").has_value());
}

TEST_CASE_FIXTURE(Filtered, "on: a card that was reset at the end is not reset again") {
  CHECK(End(Acquire(kAnna, "A"), Disposition::kReset).ok());
  world->ForgetLog();
  const Lease bert = Acquire(kBert, "A");
  CHECK(world->log() == "open A");
}

TEST_CASE_FIXTURE(Filtered, "on: a card whose last user is unknown is reset, unless the caller trusts it") {
  world->VerifyPin("E", kAnna);  // by a process that was killed
  SUBCASE("by default") {
    const Lease lease = Acquire(kBert, "E");
    CHECK_FALSE(world->PinOf("E").has_value());
    CHECK(world->log() == "open E, reset E");
  }
  SUBCASE("trusted") {
    const Lease lease = Acquire(kBert, "E", {}, LookupOptions{true, false});
    CHECK(world->PinOf("E") == kAnna);
    CHECK(world->log() == "open E");
  }
}

TEST_CASE_FIXTURE(Filtered, "on: trusting an unknown last user does not extend to a known one") {
  Use(kAnna, "E");
  world->VerifyPin("E", kAnna);
  const Lease lease = Acquire(kBert, "E", {}, LookupOptions{true, false});
  CHECK_FALSE(world->PinOf("E").has_value());
}

TEST_CASE_FIXTURE(Unfiltered, "off: no card is reset before it is handed over, as in the original fault") {
  world->VerifyPin("E", kAnna);
  Use(kBert, "E");
  const Lease lease = Acquire(kAnna, "E");
  CHECK(world->PinOf("E") == kAnna);
  CHECK(world->log() == "open E, end E leave, evaluate E");
}

TEST_CASE_FIXTURE(Filtered, "on: two identities with an unknown connect time are never the same session") {
  const SessionIdentity first{5, 0, NewSessionInstance()};
  const SessionIdentity second{5, 0, NewSessionInstance()};
  Lease lease = Acquire(first, "A");
  world->VerifyPin("A", first);
  CHECK(End(std::move(lease)).ok());
  Lease other = Acquire(second, "A");
  CHECK(other.fresh());
  CHECK(other.evaluated().empty());
  CHECK_FALSE(world->PinOf("A").has_value());
  CHECK(End(std::move(other)).ok());
  CHECK_FALSE(Acquire(first, "A").fresh());
  CHECK(Readers() == "AA");
}

TEST_CASE_FIXTURE(Filtered, "an entry that is no longer valid is dropped, and the card is connected again") {
  Use(kAnna, "A");
  world->ExchangeCard("A");
  const Lease lease = Acquire(kAnna, "A");
  CHECK(lease.fresh());
  REQUIRE(lease.evaluated().size() == 1);
  CHECK_FALSE(lease.evaluated()[0].valid);
  CHECK(cache->Entries().size() == 1);
  CHECK(world->open_handles() == 1);
}

TEST_CASE_FIXTURE(Filtered,
                  "an entry whose card another program reset becomes a new entry, on the same handle") {
  Use(kAnna, "A");
  Use(kAnna, "B");
  const std::uint64_t before = cache->Entries()[0].id;
  world->ForgetLog();
  world->ResetOutside("A");
  Lease lease = Acquire(kAnna, "A");
  CHECK(lease.fresh());
  REQUIRE(lease.evaluated().size() == 1);
  CHECK(lease.evaluated()[0].entry == before);
  CHECK_FALSE(lease.evaluated()[0].valid);
  CHECK(lease.entry().id > cache->Entries()[0].id);
  CHECK(Readers() == "BA");
  CHECK(world->log() == "reopen A");
  CHECK(world->open_handles() == 2);

  SUBCASE("which the next lookup finds valid") {
    CHECK(End(std::move(lease)).ok());
    CHECK_FALSE(Acquire(kAnna, "A").fresh());
  }
  SUBCASE("and is dropped if the card is removed meanwhile") {
    CHECK(End(std::move(lease)).ok());
    world->ExchangeCard("A");
    CHECK(Acquire(kAnna, "A").fresh());
    CHECK(world->open_handles() == 2);
  }
}

TEST_CASE_FIXTURE(Filtered, "a lookup cancelled while it reopens a reset card closes the handle") {
  Use(kAnna, "A");
  world->PutTasksOff();
  world->ResetOutside("A");
  Asked asked = Ask(kAnna, "A");
  CHECK(world->RunTask(0));  // the evaluation fails, and the entry has to be reopened
  asked.lookup->Cancel();
  CHECK(asked.answer.given());
  while (world->RunTask(0)) {
  }
  CHECK(cache->Entries().empty());
  CHECK(world->open_handles() == 0);
}

TEST_CASE_FIXTURE(Unfiltered, "another identity's entry whose card was reset is dropped") {
  Use(kBert, "A");
  world->ResetOutside("A");
  CHECK(Acquire(kAnna, "B").fresh());
  CHECK(Readers() == "B");
}

TEST_CASE_FIXTURE(Filtered, "an entry is leased to one caller at a time, in the order of the lookups") {
  Lease first = Acquire(kAnna, "A");
  Asked second = Ask(kAnna, "A");
  Asked third = Ask(kAnna, "A");
  CHECK(End(std::move(first)).ok());
  CHECK(second.answer.given());
  CHECK_FALSE(third.answer.given());
  CHECK(End(std::move(*second.answer.Wait())).ok());
  CHECK(third.answer.given());
  CHECK(third.answer.Wait().ok());
  CHECK(cache->Entries().size() == 1);
}

TEST_CASE_FIXTURE(Filtered, "two lookups at once for a card that is not cached connect it once") {
  world->Hold("A");
  Asked first = Ask(kAnna, "A");
  Asked second = Ask(kAnna, "A");
  CHECK(cache->Entries().size() == 1);
  world->Free("A");
  CHECK(End(std::move(*first.answer.Wait())).ok());
  CHECK_FALSE(second.answer.Wait()->fresh());
}

TEST_CASE_FIXTURE(Filtered,
                  "a connect that fails is the lookup's error, names the reader, and leaves no entry") {
  world->FailOpens(1);
  Asked asked = Ask(kAnna, "A");
  REQUIRE(asked.answer.given());
  const Result<Lease> failed = asked.answer.Wait();
  CHECK(failed.code() == status::kProtoMismatch);
  CHECK(failed.error().reader == "A");
  CHECK(cache->Entries().empty());
  Use(kAnna, "A");
}

TEST_CASE_FIXTURE(Filtered, "a lookup that waits behind a failing connect connects by itself") {
  world->Hold("A");
  Asked first = Ask(kAnna, "A");
  Asked second = Ask(kAnna, "A");
  first.lookup->Cancel();
  CHECK(first.answer.Wait().code() == status::kCancelled);
  CHECK_FALSE(second.answer.given());
  world->Free("A");
  REQUIRE(second.answer.given());
  CHECK(second.answer.Wait()->fresh());
}

TEST_CASE_FIXTURE(Filtered, "a card id finds the card in any reader, and fails without a matching card") {
  Use(kAnna, "A", kCardX);
  CHECK(Acquire(kAnna, "", kCardX).entry().reader == "A");
  Asked unknown = Ask(kAnna, "", kCardY);
  CHECK(unknown.answer.Wait().code() == status::kUnknownCard);
  Asked others = Ask(kBert, "", kCardX);
  CHECK(others.answer.Wait().code() == status::kUnknownCard);
}

}  // namespace
