// The card cache against a simple model of its contract, in thousands of random steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/card_cache.h"
#include "stand_in_cards.h"

namespace {

using pcsc_bridge::CacheTarget;
using pcsc_bridge::Cancellable;
using pcsc_bridge::CardCache;
using pcsc_bridge::CardCacheOptions;
using pcsc_bridge::CardId;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Error;
using pcsc_bridge::Lease;
using pcsc_bridge::LookupOptions;
using pcsc_bridge::Loop;
using pcsc_bridge::Monitor;
using pcsc_bridge::Result;
using pcsc_bridge::SessionIdentity;
using pcsc_bridge::test::StandInWorld;
namespace reader_state = pcsc_bridge::reader_state;
namespace status = pcsc_bridge::status;

constexpr std::uint32_t kSessions = 4;
const std::vector<std::string> kReaders{"A", "B", "C"};

// What is known from the outside: which lookups were made and answered, and who holds which lease. Mistakes
// of the cache are recorded, and checked at the end. Runs on the cache's loop.
class Model {
 public:
  explicit Model(bool filter) : filter_(filter) {}

  void Asked() { ++asked_; }
  void Answered(const SessionIdentity& caller, int& answers, Result<Lease>& result) {
    if (++answers != 1) Wrong("a lookup was answered twice");
    ++answered_;
    if (!result) {
      const auto code = result.code();
      if (code != status::kCancelled && code != status::kClosed && code != status::kProtoMismatch &&
          code != status::kUnknownCard) {
        Wrong("a lookup failed with " + std::string(pcsc_bridge::Describe(code).name));
      }
      return;
    }
    const auto& entry = result->entry();
    const auto [opened, first] = opened_by_.emplace(entry.id, entry.identity);
    // If its first caller was just cancelled, the next one is the first to see it.
    if (result->fresh() && (!first || entry.identity != caller)) Wrong("fresh is told wrongly");
    if (opened->second != entry.identity) Wrong("an entry changed its identity");
    if (filter_ && opened->second != caller) Wrong("a handle crossed identities");
    if (!leased_.insert(entry.id).second) Wrong("an entry was leased twice at once");
    if (!holders_.emplace(entry.reader, caller).second) Wrong("a card was leased twice at once");
  }
  void Ends(const Lease& lease) {
    leased_.erase(lease.entry().id);
    holders_.erase(lease.entry().reader);
  }
  void Wrong(const std::string& what) { wrongs_.insert(what); }
  // Between two steps, the report of the cache must match what was seen.
  void CheckEntries(const std::vector<pcsc_bridge::CacheEntryInfo>& entries) {
    for (const auto& entry : entries) {
      // An entry whose end is in progress may still be reported as leased.
      if (!entry.leased && leased_.count(entry.id) != 0) Wrong("an entry's lease is not told");
      const auto opened = opened_by_.find(entry.id);
      if (opened != opened_by_.end() && opened->second != entry.identity) Wrong("an entry's owner is wrong");
    }
  }
  const std::set<std::string>& wrongs() const { return wrongs_; }
  bool filtered() const { return filter_; }
  int asked() const { return asked_; }
  int answered() const { return answered_; }

 private:
  const bool filter_;
  int asked_ = 0;
  int answered_ = 0;
  std::map<std::uint64_t, SessionIdentity> opened_by_;
  std::set<std::uint64_t> leased_;
  std::map<std::string, SessionIdentity> holders_;
  std::set<std::string> wrongs_;
};

// One player: takes random steps on the cache, alone or beside others.
class Player {
 public:
  Player(unsigned seed, std::shared_ptr<StandInWorld> world, std::shared_ptr<CardCache> cache, Model& model)
      : random_(seed), world_(std::move(world)), cache_(std::move(cache)), model_(model) {}

  // Any thread.
  void Step() {
    const unsigned dice = Roll(100);
    if (dice < 8) return CancelOne();
    cache_->loop()->Sync([&] {
      StepOnLoop(dice);
      return true;
    });
  }

  // Ends one lease of this player; false if there is none. On the loop.
  bool EndOne() {
    if (leases_->empty()) return false;
    const auto chosen = leases_->begin() + Roll(static_cast<unsigned>(leases_->size()));
    const std::unique_ptr<Lease> lease = std::move(*chosen);
    leases_->erase(chosen);
    model_.Ends(*lease);
    const unsigned way = Roll(4);
    if (way == 0) return true;  // dropped
    lease->End(way == 1 ? Disposition::kReset : Disposition::kLeave, [](const Result<Done>&) {});
    return true;
  }

 private:
  unsigned Roll(unsigned sides) { return static_cast<unsigned>(random_() % sides); }
  const std::string& Reader() { return kReaders[Roll(static_cast<unsigned>(kReaders.size()))]; }
  SessionIdentity Identity() {
    const std::uint32_t id = Roll(kSessions);
    if (Roll(8) > 0) return {id, connect_times_[id]};
    // The instances of one id are different sessions.
    return {id, 0, Roll(2) + 1};
  }

  void StepOnLoop(unsigned dice) {
    if (dice < 33) {
      Acquire();
    } else if (dice < 53) {
      EndOne();
    } else if (dice < 56) {
      cache_->Evict(Roll(4) == 0 ? SessionIdentity{Roll(kSessions), 0} : Identity());
    } else if (dice < 58) {
      ++connect_times_[Roll(kSessions)];  // the session returns with a new connect time
    } else if (dice < 60) {
      DropGoneEntries();
    } else if (dice < 61) {
      world_->ExchangeCard(Reader());
    } else if (dice < 62) {
      world_->ResetOutside(Reader());
    } else if (dice < 63) {
      world_->FailOpens(1);
    } else if (dice < 64) {
      world_->FailEnds(1);
    } else if (dice < 66) {
      world_->Hold(Reader());
    } else if (dice < 69) {
      world_->Free(Reader());
    } else {
      world_->RunTask(Roll(1000));
    }
  }

  void Acquire() {
    const SessionIdentity caller = Identity();
    CacheTarget target{Reader(), std::nullopt};
    if (Roll(4) == 0) target.card_id = CardId{static_cast<std::uint8_t>(Roll(2))};
    if (target.card_id && Roll(4) == 0) target.reader.clear();
    const auto answers = std::make_shared<int>(0);
    model_.Asked();
    lookups_.push_back(cache_->Acquire(
        caller, target, LookupOptions{},
        [leases = leases_, world = world_, &model = model_, caller, answers](Result<Lease> result) {
          model.Answered(caller, *answers, result);
          if (!result) return;
          // The lease is this caller's now: any PIN state it finds must be its own.
          const std::string& reader = result->entry().reader;
          const auto pin_of = world->PinOf(reader);
          if (model.filtered() && pin_of && *pin_of != caller) model.Wrong("a PIN state crossed identities");
          world->VerifyPin(reader, caller);
          leases->push_back(std::make_unique<Lease>(std::move(*result)));
        }));
    if (lookups_.size() > 30) lookups_.erase(lookups_.begin());
  }
  void CancelOne() {
    if (lookups_.empty()) return;
    // The newest are the most likely to be in progress.
    const unsigned back = std::min<unsigned>(Roll(6), static_cast<unsigned>(lookups_.size()) - 1);
    lookups_[lookups_.size() - 1 - back]->Cancel();
  }
  void DropGoneEntries() {
    if (Roll(10) == 0) {
      cache_->DropGoneEntries(Error{status::kNoService, "", "", ""});
      return;
    }
    Monitor::Picture picture;
    for (const std::string& reader : kReaders) {
      picture.emplace_back().reader = reader;
      picture.back().state = Roll(4) == 0 ? reader_state::kEmpty : reader_state::kPresent;
    }
    cache_->DropGoneEntries(picture);
  }

  std::mt19937 random_;
  const std::shared_ptr<StandInWorld> world_;
  const std::shared_ptr<CardCache> cache_;
  Model& model_;
  // The results received.
  const std::shared_ptr<std::vector<std::unique_ptr<Lease>>> leases_ =
      std::make_shared<std::vector<std::unique_ptr<Lease>>>();
  std::vector<std::shared_ptr<Cancellable>> lookups_;
  std::uint64_t connect_times_[kSessions] = {1000, 1000, 1000, 1000};
};

// One game: a cache, and its players. All on the cache's loop.
struct Game {
  Game(unsigned number, std::shared_ptr<Loop> loop) : filter(number % 3 != 0), model(filter) {
    CardCacheOptions options;
    options.filter = filter;
    options.max_entries = number % 2 == 0 ? kMostEntries : 64;
    // An entry that is idle for a moment expires as soon as the loop runs.
    if (number % 5 == 0) options.max_idle = std::chrono::milliseconds(0);
    most_entries = options.max_entries;
    world->PutTasksOff();
    cache = CardCache::Create(std::move(loop), world->Factory(), options, world->users());
  }

  // Everything in progress ends once nothing is held any more.
  void Settle() {
    for (const std::string& reader : kReaders) world->Free(reader);
    for (bool more = true; more;) {
      more = false;
      while (world->RunTask(0)) more = true;
      for (const auto& player : players) {
        while (player->EndOne()) more = true;
      }
    }
    CHECK(cache->Entries().size() <= most_entries);
  }
  void CheckEnd() {
    CHECK(cache->Entries().empty());
    CHECK(model.answered() == model.asked());
    CHECK(world->open_handles() == 0);
    for (const std::string& wrong : model.wrongs()) FAIL_CHECK(wrong);
    for (const std::string& violation : world->violations()) FAIL_CHECK(violation);
  }

  static constexpr std::size_t kMostEntries = 3;
  const bool filter;
  std::size_t most_entries = 0;
  const std::shared_ptr<StandInWorld> world = std::make_shared<StandInWorld>();
  Model model;
  std::shared_ptr<CardCache> cache;
  std::vector<std::unique_ptr<Player>> players;
};

TEST_CASE("one thread, random steps: the card cache keeps its contract") {
  constexpr unsigned kGames = 200;
  constexpr int kSteps = 500;
  for (unsigned number = 0; number < kGames; ++number) {
    CAPTURE(number);
    const std::shared_ptr<Loop> loop = Loop::Create();
    Game game(number, loop);
    game.players.push_back(std::make_unique<Player>(number, game.world, game.cache, game.model));
    for (int step = 0; step < kSteps; ++step) {
      game.players[0]->Step();
      game.model.CheckEntries(game.cache->Entries());
      if (step % 20 == 0) loop->RunDue();
    }
    // Half of the games end in the middle.
    if (number / 2 % 2 == 0) {
      game.Settle();
      CHECK(game.model.answered() == game.model.asked());
    }
    game.cache->Close(nullptr);
    game.Settle();
    game.CheckEnd();
  }
}

TEST_CASE("many threads at once: the card cache keeps its contract") {
  constexpr unsigned kGames = 20;
  constexpr int kSteps = 1000;
  constexpr unsigned kThreads = 4;
  const std::shared_ptr<Loop> loop = Loop::OfProcess();
  REQUIRE(loop);
  const auto on_loop = [&](const auto& run) {
    loop->Sync([&] {
      run();
      return true;
    });
  };
  for (unsigned number = 0; number < kGames; ++number) {
    CAPTURE(number);
    Game game(number, loop);
    for (unsigned i = 0; i < kThreads; ++i) {
      game.players.push_back(
          std::make_unique<Player>(number * kThreads + i, game.world, game.cache, game.model));
    }
    std::vector<std::thread> threads;
    for (const auto& player : game.players) {
      threads.emplace_back([&player = *player] {
        for (int step = 0; step < kSteps; ++step) player.Step();
      });
    }
    const bool settles = number / 2 % 2 == 0;
    // In the middle of all operations.
    if (!settles) on_loop([&] { game.cache->Close(nullptr); });
    for (std::thread& thread : threads) thread.join();
    on_loop([&] {
      if (settles) {
        game.Settle();
        CHECK(game.model.answered() == game.model.asked());
        game.cache->Close(nullptr);
      }
      game.Settle();
      game.CheckEnd();
      game.players.clear();
      game.cache = nullptr;
    });
  }
}

}  // namespace
