// A card cache over stand-in cards, with the filter on or off.
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

// Closed at the end of the test: no handle may be left then, and no rule of CachedCard broken.
struct Cache {
  explicit Cache(bool filter)
      : cache(CardCache::Create(world->Factory(), filter, std::make_shared<pcsc_bridge::CardUsers>())) {}
  ~Cache() {
    for (const char* reader : {"A", "B", "C"}) world->Free(reader);
    cache->Close(nullptr);
    CHECK(world->open_handles() == 0);
    CHECK(world->violations().empty());
  }

  struct Asked {
    Answer<Lease> answer;
    std::shared_ptr<Cancellable> acquisition;
  };
  Asked Ask(const SessionIdentity& identity, const std::string& reader, std::optional<CardId> id = {}) {
    Asked asked;
    asked.acquisition = cache->Acquire(identity, CacheTarget{reader, id}, asked.answer.Take());
    return asked;
  }
  Lease Acquire(const SessionIdentity& identity, const std::string& reader, std::optional<CardId> id = {}) {
    Asked asked = Ask(identity, reader, id);
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

  std::shared_ptr<StandInWorld> world = std::make_shared<StandInWorld>();
  std::shared_ptr<CardCache> cache;
};

struct Filtered : Cache {
  Filtered() : Cache(true) {}
};
struct Unfiltered : Cache {
  Unfiltered() : Cache(false) {}
};

}  // namespace pcsc_bridge::test
