// The card cache against a simple model of what it promises, in thousands of random steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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
using pcsc_bridge::CardId;
using pcsc_bridge::Disposition;
using pcsc_bridge::Done;
using pcsc_bridge::Error;
using pcsc_bridge::Lease;
using pcsc_bridge::Monitor;
using pcsc_bridge::Result;
using pcsc_bridge::SessionIdentity;
using pcsc_bridge::test::StandInWorld;
namespace reader_state = pcsc_bridge::reader_state;
namespace status = pcsc_bridge::status;

constexpr std::uint32_t kSessions = 4;
const std::vector<std::string> kReaders{"A", "B", "C"};

// What is known from the outside: who asked, who was answered, who leases what. Thread safe. What the cache
// does wrong is noted, and checked by the test's own thread.
class Model {
 public:
  explicit Model(bool filter) : filter_(filter) {}

  void Asked() { ++asked_; }
  void Answered(const SessionIdentity& asker, std::atomic<int>& answers, Result<Lease>& result) {
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
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto [opened, first] = opened_by_.emplace(entry.id, entry.identity);
    // One whose first asker gave up just then is first seen by the next.
    if (result->fresh() && (!first || entry.identity != asker)) WrongLocked("fresh is told wrongly");
    if (opened->second != entry.identity) WrongLocked("an entry changed its identity");
    if (filter_ && opened->second != asker) WrongLocked("a handle crossed identities");
    if (!leased_.insert(entry.id).second) WrongLocked("an entry was leased twice at once");
    if (!holders_.emplace(entry.reader, asker).second) WrongLocked("a card was leased twice at once");
  }
  void Ends(const Lease& lease) {
    const std::lock_guard<std::mutex> lock(mutex_);
    leased_.erase(lease.entry().id);
    holders_.erase(lease.entry().reader);
  }
  void Wrong(const std::string& what) {
    const std::lock_guard<std::mutex> lock(mutex_);
    WrongLocked(what);
  }
  // Nothing under way: what the cache tells must be what was seen.
  void CheckEntries(const std::vector<pcsc_bridge::CacheEntryInfo>& entries) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& entry : entries) {
      // One whose end is under way may still be told as leased.
      if (!entry.leased && leased_.count(entry.id) != 0) WrongLocked("an entry's lease is not told");
      const auto opened = opened_by_.find(entry.id);
      if (opened != opened_by_.end() && opened->second != entry.identity)
        WrongLocked("an entry's owner is wrong");
    }
  }
  std::set<std::string> wrongs() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return wrongs_;
  }
  bool filtered() const { return filter_; }
  int asked() const { return asked_; }
  int answered() const { return answered_; }

 private:
  void WrongLocked(const std::string& what) { wrongs_.insert(what); }

  const bool filter_;
  std::atomic<int> asked_{0};
  std::atomic<int> answered_{0};
  std::mutex mutex_;
  std::map<std::uint64_t, SessionIdentity> opened_by_;
  std::set<std::uint64_t> leased_;
  std::map<std::string, SessionIdentity> holders_;
  std::set<std::string> wrongs_;
};

// One player of the game: takes random steps on the cache, alone or beside others.
class Player {
 public:
  Player(unsigned seed, std::shared_ptr<StandInWorld> world, std::shared_ptr<CardCache> cache, Model& model)
      : random_(seed), world_(std::move(world)), cache_(std::move(cache)), model_(model) {}

  void Step() {
    const unsigned dice = Roll(100);
    if (dice < 25) {
      Acquire();
    } else if (dice < 45) {
      EndOne();
    } else if (dice < 53) {
      CancelOne();
    } else if (dice < 56) {
      cache_->Evict(Identity());
    } else if (dice < 58) {
      ++connect_times_[Roll(kSessions)];  // the session reconnects
    } else if (dice < 60) {
      Observe();
    } else if (dice < 62) {
      world_->ExchangeCard(Reader());
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

  // Ends everything of this player's that has been answered.
  bool EndOne() {
    std::unique_ptr<Lease> lease;
    {
      const std::lock_guard<std::mutex> lock(hand_->mutex);
      if (hand_->leases.empty()) return false;
      const auto chosen = hand_->leases.begin() + Roll(static_cast<unsigned>(hand_->leases.size()));
      lease = std::move(*chosen);
      hand_->leases.erase(chosen);
    }
    model_.Ends(*lease);
    const unsigned way = Roll(4);
    if (way == 0) return true;  // dropped
    lease->End(way == 1 ? Disposition::kReset : Disposition::kLeave, [](const Result<Done>&) {});
    return true;
  }

 private:
  // What the answers bring; they may come in any thread.
  struct Hand {
    std::mutex mutex;
    std::vector<std::unique_ptr<Lease>> leases;
  };

  unsigned Roll(unsigned sides) { return static_cast<unsigned>(random_() % sides); }
  const std::string& Reader() { return kReaders[Roll(static_cast<unsigned>(kReaders.size()))]; }
  SessionIdentity Identity() {
    const std::uint32_t id = Roll(kSessions);
    return {id, Roll(8) == 0 ? 0 : connect_times_[id]};
  }

  void Acquire() {
    const SessionIdentity asker = Identity();
    CacheTarget target{Reader(), std::nullopt};
    if (Roll(4) == 0) target.card_id = CardId{static_cast<std::uint8_t>(Roll(2))};
    if (target.card_id && Roll(4) == 0) target.reader.clear();
    auto answers = std::make_shared<std::atomic<int>>(0);
    model_.Asked();
    const auto acquisition = cache_->Acquire(
        asker, target, [hand = hand_, world = world_, &model = model_, asker, answers](Result<Lease> result) {
          model.Answered(asker, *answers, result);
          if (!result) return;
          // The lease is this asker's now: any PIN state it meets must be its own.
          const std::string& reader = result->entry().reader;
          const auto pin_of = world->PinOf(reader);
          if (model.filtered() && pin_of && *pin_of != asker) model.Wrong("a PIN state crossed identities");
          world->VerifyPin(reader, asker);
          const std::lock_guard<std::mutex> lock(hand->mutex);
          hand->leases.push_back(std::make_unique<Lease>(std::move(*result)));
        });
    acquisitions_.push_back(acquisition);
    if (acquisitions_.size() > 30) acquisitions_.erase(acquisitions_.begin());
  }
  void CancelOne() {
    if (acquisitions_.empty()) return;
    // The newest are the most likely to be under way.
    const unsigned back = std::min<unsigned>(Roll(6), static_cast<unsigned>(acquisitions_.size()) - 1);
    acquisitions_[acquisitions_.size() - 1 - back]->Cancel();
  }
  void Observe() {
    if (Roll(10) == 0) {
      cache_->Observe(Error{status::kNoService, "", "", ""});
      return;
    }
    Monitor::Picture picture;
    for (const std::string& reader : kReaders) {
      picture.emplace_back().reader = reader;
      picture.back().state = Roll(4) == 0 ? reader_state::kEmpty : reader_state::kPresent;
    }
    cache_->Observe(picture);
  }

  std::mt19937 random_;
  const std::shared_ptr<StandInWorld> world_;
  const std::shared_ptr<CardCache> cache_;
  Model& model_;
  std::shared_ptr<Hand> hand_ = std::make_shared<Hand>();
  std::vector<std::shared_ptr<Cancellable>> acquisitions_;
  std::uint64_t connect_times_[kSessions] = {1000, 1000, 1000, 1000};
};

void FreeAll(StandInWorld& world) {
  for (const std::string& reader : kReaders) world.Free(reader);
}

// Everything that is under way comes to its end once nobody holds anything.
void Settle(StandInWorld& world, std::vector<std::unique_ptr<Player>>& players) {
  FreeAll(world);
  for (bool more = true; more;) {
    more = false;
    while (world.RunTask(0)) more = true;
    for (const auto& player : players) {
      while (player->EndOne()) more = true;
    }
  }
}

void CheckEnd(StandInWorld& world, Model& model) {
  CHECK(model.answered() == model.asked());
  CHECK(world.open_handles() == 0);
  for (const std::string& wrong : model.wrongs()) FAIL_CHECK(wrong);
  for (const std::string& violation : world.violations()) FAIL_CHECK(violation);
}

TEST_CASE("one thread, any order: the card cache keeps its promises") {
  constexpr int kGames = 200;
  constexpr int kSteps = 500;
  for (unsigned game = 0; game < kGames; ++game) {
    const bool filter = game % 3 != 0;
    CAPTURE(game);
    CAPTURE(filter);
    const auto world = std::make_shared<StandInWorld>();
    world->PutTasksOff();
    Model model(filter);
    const auto cache =
        CardCache::Create(world->Factory(), filter, std::make_shared<pcsc_bridge::CardUsers>());
    std::vector<std::unique_ptr<Player>> players;
    players.push_back(std::make_unique<Player>(game, world, cache, model));
    for (int step = 0; step < kSteps; ++step) {
      players[0]->Step();
      model.CheckEntries(cache->Entries());
    }
    // Half of the games end in the middle.
    if (game % 2 == 0) Settle(*world, players);
    if (game % 2 == 0) CHECK(model.answered() == model.asked());
    cache->Close(nullptr);
    Settle(*world, players);
    CHECK(cache->Entries().empty());
    CheckEnd(*world, model);
  }
}

TEST_CASE("many threads at once: the card cache keeps its promises") {
  constexpr int kGames = 20;
  constexpr int kSteps = 1000;
  constexpr unsigned kThreads = 4;
  for (unsigned game = 0; game < kGames; ++game) {
    const bool filter = game % 3 != 0;
    CAPTURE(game);
    CAPTURE(filter);
    const auto world = std::make_shared<StandInWorld>();
    world->PutTasksOff();
    Model model(filter);
    const auto cache =
        CardCache::Create(world->Factory(), filter, std::make_shared<pcsc_bridge::CardUsers>());
    std::vector<std::unique_ptr<Player>> players;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
      players.push_back(std::make_unique<Player>(game * kThreads + i, world, cache, model));
      threads.emplace_back([player = players.back().get()] {
        for (int step = 0; step < kSteps; ++step) player->Step();
      });
    }
    if (game % 2 == 0) {
      for (std::thread& thread : threads) thread.join();
      Settle(*world, players);
      CHECK(model.answered() == model.asked());
      cache->Close(nullptr);
    } else {
      cache->Close(nullptr);  // in the middle of everything
      for (std::thread& thread : threads) thread.join();
    }
    Settle(*world, players);
    CHECK(cache->Entries().empty());
    CheckEnd(*world, model);
  }
}

}  // namespace
