// The core of KB949538 in numbers: with the filter on, the cost of a lookup does not depend on the number of
// entries of other sessions.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cache/card_cache.h"

namespace {

using pcsc_bridge::CachedCard;
using pcsc_bridge::CacheTarget;
using pcsc_bridge::Cancellable;
using pcsc_bridge::CardCache;
using pcsc_bridge::CardCacheOptions;
using pcsc_bridge::Connection;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Lease;
using pcsc_bridge::LookupOptions;
using pcsc_bridge::Loop;
using pcsc_bridge::Protocols;
using pcsc_bridge::Result;
using pcsc_bridge::SessionIdentity;
using pcsc_bridge::Waits;

#ifdef SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// Completes everything at once, at almost no cost.
class InstantCard final : public CachedCard {
 public:
  std::shared_ptr<Cancellable> Open(Protocols, MustReset,
                                    std::function<void(Result<Claimed>)> answer) override {
    answer(Claimed{});
    return nullptr;
  }
  std::shared_ptr<Cancellable> Evaluate(Protocols, MustReset,
                                        std::function<void(Result<Claimed>)> answer) override {
    answer(Claimed{});
    return nullptr;
  }
  void End(Disposition, std::function<void(Result<Done>)> answer) override { answer(Done{}); }
  void Close(Disposition, std::function<void()> closed) override {
    if (closed) closed();
  }
  Waits waited() const override { return {}; }
  bool usable() const override { return true; }
  std::shared_ptr<Connection> connection() const override { return nullptr; }
};

// A cache with one entry for each of the other sessions, and one for the caller.
class FullCache {
 public:
  explicit FullCache(std::uint32_t others) {
    for (std::uint32_t i = 0; i < others; ++i) LookUp({i + 1, 1}, "reader " + std::to_string(i % 16));
    LookUp(kCaller, kReader);
    REQUIRE(cache_->Entries().size() == others + 1);
  }
  double NanosecondsPerLookup(int lookups) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < lookups; ++i) LookUp(kCaller, kReader);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    return time.count() / lookups;
  }

 private:
  inline static const SessionIdentity kCaller{0, 1};
  inline static const std::string kReader = "reader 0";

  void LookUp(const SessionIdentity& identity, const std::string& reader) {
    bool leased = false;
    cache_->Acquire(identity, CacheTarget{reader, std::nullopt}, LookupOptions{}, [&](Result<Lease> lease) {
      leased = lease.ok();
      if (leased) lease->End(Disposition::kLeave, [](const Result<Done>&) {});
    });
    REQUIRE(leased);
  }

  // No limit: every session keeps its entry.
  static CardCacheOptions Unbounded() {
    CardCacheOptions options;
    options.max_entries = std::numeric_limits<std::size_t>::max();
    return options;
  }

  std::shared_ptr<CardCache> cache_ = CardCache::Create(
      Loop::Create(), [](const pcsc_bridge::CachedCardRequest&) { return std::make_shared<InstantCard>(); },
      Unbounded(), std::make_shared<pcsc_bridge::CardUsers>());
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

TEST_CASE("a lookup costs the same among 10 and among 100,000 entries of other sessions") {
  constexpr int kRounds = 41;
  constexpr int kLookups = kSanitized ? 100 : 1000;
  FullCache small(10);
  FullCache large(100000);
  std::vector<double> in_small;
  std::vector<double> in_large;
  // Interleaved, so that other load on the machine affects both.
  for (int round = 0; round < kRounds; ++round) {
    in_small.push_back(small.NanosecondsPerLookup(kLookups));
    in_large.push_back(large.NanosecondsPerLookup(kLookups));
  }
  const double ratio = Median(in_large) / Median(in_small);
  MESSAGE("lookup: " << Median(in_small) << " ns among 10 entries, " << Median(in_large)
                     << " ns among 100,000; ratio " << ratio);
  if (!kSanitized) CHECK(ratio < 1.5);
}

}  // namespace
