// The card cache over real channels: what its cards do to a PC/SC library.
#include "cache/channel_card.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/card_cache.h"
#include "channel_fixture.h"

namespace {

using pcsc_bridge::Bytes;
using pcsc_bridge::CacheTarget;
using pcsc_bridge::Cancellable;
using pcsc_bridge::CardCache;
using pcsc_bridge::Connection;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Lease;
using pcsc_bridge::Operation;
using pcsc_bridge::ReaderGate;
using pcsc_bridge::Result;
using pcsc_bridge::SessionIdentity;
using namespace pcsc_bridge::test;  // NOLINT: the words of the tests
namespace status = pcsc_bridge::status;

const SessionIdentity kAnna{1, 100};
const SessionIdentity kBert{2, 200};

struct Logon {
  Answer<Lease> answer;
  std::shared_ptr<Cancellable> acquisition;
};

struct OverChannels {
  OverChannels() {
    library.AddReader("A");
    library.AddReader("B");
  }
  ~OverChannels() {
    Moment closed;
    cache->Close([&] { closed.Come(); });
    CHECK(closed.WaitFor(kPatience));
  }
  Logon Ask(const SessionIdentity& identity, const std::string& reader) {
    Logon logon;
    logon.acquisition = cache->Acquire(identity, CacheTarget{reader, std::nullopt}, logon.answer.Take());
    return logon;
  }
  Lease Acquire(const SessionIdentity& identity, const std::string& reader) {
    Result<Lease> lease = Ask(identity, reader).answer.Wait();
    REQUIRE(lease.ok());
    return std::move(*lease);
  }
  static Result<Bytes> Transmit(const Lease& lease, const Bytes& apdu) {
    Answer<Bytes> answer;
    lease.channel()->Submit<Bytes>(
        [apdu](Connection& connection, Operation& operation) { return connection.Transmit(apdu, operation); },
        answer.Take());
    return answer.Wait();
  }
  static Result<Done> End(Lease lease, Disposition disposition = Disposition::kLeave) {
    Answer<Done> answer;
    lease.End(disposition, answer.Take());
    return answer.Wait();
  }

  FakeLibrary library;
  std::shared_ptr<CardCache> cache =
      CardCache::Create(ChannelCards(library.table()), true, std::make_shared<pcsc_bridge::CardUsers>());
};

TEST_CASE_FIXTURE(OverChannels, "a cached card is connected once and evaluated by begin, status and end") {
  CHECK(End(Acquire(kAnna, "A")).ok());
  CHECK(library.count(Call::kStatus) == 1);
  const Lease lease = Acquire(kAnna, "A");
  CHECK(library.count(Call::kStatus) == 2);
  CHECK(library.log() == "connect A, begin, end leave, begin");
  CHECK(lease.entry().atr == Bytes{0x3b, 0x00});
}

TEST_CASE_FIXTURE(OverChannels, "a PIN verified in one session is gone when another session gets the card") {
  Lease anna = Acquire(kAnna, "A");
  CHECK(Transmit(anna, kVerify).code() == 0);
  SUBCASE("asking afterwards") {
    CHECK(End(std::move(anna)).ok());
    CHECK(library.pin_verified("A"));
    CHECK(Transmit(Acquire(kBert, "A"), kAsk).value() == kNotVerified);
  }
  SUBCASE("waiting while it is verified") {
    Logon bert = Ask(kBert, "A");
    REQUIRE(Eventually([] { return ReaderGate::OfProcess().Waiting("A") == 1; }));
    CHECK(End(std::move(anna)).ok());
    const Result<Lease> lease = bert.answer.Wait();
    REQUIRE(lease.ok());
    CHECK(Transmit(lease.value(), kAsk).value() == kNotVerified);
  }
  SUBCASE("after a call that was given up") {
    library.Stick(Call::kTransmit);
    Answer<Bytes> answer;
    const auto stuck = anna.channel()->Submit<Bytes>(
        [](Connection& connection, Operation& operation) { return connection.Transmit(kVerify, operation); },
        answer.Take());
    library.WaitForStuck(Call::kTransmit);
    stuck->Cancel();
    CHECK(End(std::move(anna)).code() == status::kAbandoned);
    Logon bert = Ask(kBert, "A");
    library.Unstick(Call::kTransmit);
    const Result<Lease> lease = bert.answer.Wait();
    REQUIRE(lease.ok());
    CHECK(Transmit(lease.value(), kAsk).value() == kNotVerified);
  }
}

TEST_CASE_FIXTURE(OverChannels, "a session's held card keeps no other session waiting") {
  CHECK(End(Acquire(kAnna, "A")).ok());
  library.Hold("A");
  CHECK(End(Acquire(kBert, "B")).ok());
}

TEST_CASE_FIXTURE(OverChannels,
                  "an entry evicted while leased goes at the end of the lease, by its own thread") {
  for (int round = 0; round < 50; ++round) {
    Lease lease = Acquire(kAnna, "A");
    CHECK(cache->Evict(kAnna) == 1);
    CHECK(End(std::move(lease)).ok());
    library.WaitForNoContext();
  }
}

TEST_CASE_FIXTURE(OverChannels,
                  "a lookup given up inside the library costs the entry, and undoes what comes late") {
  CHECK(End(Acquire(kAnna, "A")).ok());
  library.Stick(Call::kBegin);
  Logon logon = Ask(kAnna, "A");
  library.WaitForStuck(Call::kBegin);
  logon.acquisition->Cancel();
  CHECK(logon.answer.Wait().code() == status::kCancelled);
  CHECK(cache->Entries().empty());
  library.Unstick(Call::kBegin);
  library.WaitForNoContext();
  CHECK(library.last_calls(3) == "begin, end leave, disconnect leave");
}

TEST_CASE_FIXTURE(OverChannels, "a card that was exchanged, or reset by others, is connected anew") {
  CHECK(End(Acquire(kAnna, "A")).ok());
  SUBCASE("exchanged") {
    library.InsertCard("A");
  }
  SUBCASE("reset") {
    library.Reset("A");
  }
  SUBCASE("service restarted") {
    library.StopService();
    library.StartService();
  }
  const Lease lease = Acquire(kAnna, "A");
  CHECK(lease.fresh());
  CHECK(lease.evaluated().size() == 1);
}

TEST_CASE_FIXTURE(OverChannels,
                  "many sessions on few cards, giving up at any moment, never meet another's PIN") {
  constexpr unsigned kThreads = 4;
  constexpr int kRounds = 60;
  std::atomic<int> met{0};
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const SessionIdentity identity{i, 1};
      bool verified[2] = {false, false};
      for (int round = 0; round < kRounds; ++round) {
        const std::size_t card = (i + static_cast<unsigned>(round) / 4) % 2;
        Logon logon = Ask(identity, card == 0 ? "A" : "B");
        if (round % 7 == 3) logon.acquisition->Cancel();
        Result<Lease> lease = logon.answer.Wait();
        if (!lease) continue;
        ++served;
        // Verified by us before, or by nobody.
        const Result<Bytes> asked = Transmit(*lease, kAsk);
        if (asked.ok() && asked.value() == kVerified && !verified[card]) ++met;
        (void)Transmit(*lease, kVerify);
        const bool reset = round % 5 == 0;
        verified[card] = true;
        (void)End(std::move(*lease), reset ? Disposition::kReset : Disposition::kLeave);
        if (round % 11 == 0) cache->Evict(identity);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(met == 0);
  CHECK(served > 0);
}

}  // namespace
