// A card cache over stand-in cards, with the filter on or off, on a loop of the test's thread.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "answer.h"
#include "cache/card_cache.h"
#include "stand_in_cards.h"

namespace pcsc_bridge::test {

inline const SessionIdentity kAnna{1, 100};
inline const SessionIdentity kBert{2, 200};

inline CardCacheOptions WithFilter(bool filter) {
  CardCacheOptions options;
  options.filter = filter;
  return options;
}

// Closed at the end of the test. No handle may be left then, and no rule of CachedCard broken. The cards in A
// to D are known to have been reset.
struct Cache {
  explicit Cache(const CardCacheOptions& options)
      : cache(CardCache::Create(loop, world->Factory(), options, world->users())) {
    for (const char* reader : {"A", "B", "C", "D"}) world->users()->NoteReset(reader);
  }
  ~Cache() {
    for (const char* reader : {"A", "B", "C"}) world->Free(reader);
    cache->Close(nullptr);
    CHECK(world->open_handles() == 0);
    CHECK(world->violations().empty());
  }

  struct Asked {
    Answer<Lease> answer;
    std::shared_ptr<Cancellable> lookup;
  };
  Asked Ask(const SessionIdentity& identity, const std::string& reader, std::optional<CardId> id = {},
            const LookupOptions& options = {}) {
    Asked asked;
    asked.lookup = cache->Acquire(identity, CacheTarget{reader, id}, options, asked.answer.Take());
    return asked;
  }
  Lease Acquire(const SessionIdentity& identity, const std::string& reader, std::optional<CardId> id = {},
                const LookupOptions& options = {}) {
    Asked asked = Ask(identity, reader, id, options);
    REQUIRE(asked.answer.given());
    Result<Lease> lease = asked.answer.Wait();
    REQUIRE(lease.ok());
    return std::move(*lease);
  }
  static Result<Done> End(Lease lease, Disposition disposition = Disposition::kLeave) {
    Answer<Done> answer;
    lease.End(disposition, answer.Take());
    return answer.Wait();
  }
  void Use(const SessionIdentity& identity, const std::string& reader, std::optional<CardId> id = {}) {
    CHECK(End(Acquire(identity, reader, id)).ok());
  }
  // The readers of all entries, in order of creation.
  std::string Readers() const {
    std::string readers;
    for (const CacheEntryInfo& entry : cache->Entries()) readers += entry.reader;
    return readers;
  }

  std::shared_ptr<Loop> loop = Loop::Create();
  std::shared_ptr<StandInWorld> world = std::make_shared<StandInWorld>();
  std::shared_ptr<CardCache> cache;
};

struct Filtered : Cache {
  Filtered() : Cache(WithFilter(true)) {}
};
struct Unfiltered : Cache {
  Unfiltered() : Cache(WithFilter(false)) {}
};

}  // namespace pcsc_bridge::test
