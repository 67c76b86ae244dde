// Memory for long responses: its places, and the blocks that they are in.
#include "pcsc/long_memory.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "pcsc/types.h"

namespace {

using pcsc_bridge::AllocateLong;
using pcsc_bridge::Bytes;
using pcsc_bridge::FreeLong;
using pcsc_bridge::kLongFrom;
using pcsc_bridge::kLongTo;

constexpr std::uintptr_t kBlock = 2 * 1024 * 1024;
constexpr std::size_t kPlaces = kBlock / kLongTo;

std::uintptr_t BlockOf(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) & ~(kBlock - 1);
}

// Nobody else may be asking the system for memory: what has gone back may be given out again at once.
bool IsMapped(std::uintptr_t block) {
  unsigned char pages[1];
  return mincore(reinterpret_cast<void*>(block), static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), pages) == 0;
}

// Places, given back at the end.
class Places {
 public:
  Places() { taken_.reserve(8 * kPlaces); }
  ~Places() {
    for (void* const each : taken_) FreeLong(each, kLongTo);
  }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  void* Take() { return taken_.emplace_back(AllocateLong(kLongTo)); }
  void GiveBack(void* memory) {
    taken_.erase(std::find(taken_.begin(), taken_.end(), memory));
    FreeLong(memory, kLongTo);
  }
  const std::vector<void*>& taken() const { return taken_; }

 private:
  std::vector<void*> taken_;
};

TEST_CASE("places do not overlap, whatever is written to them") {
  Places places;
  for (std::size_t i = 0; i < 3 * kPlaces; ++i) {
    std::memset(places.Take(), static_cast<int>(i), kLongTo);
  }
  for (std::size_t i = 0; i < places.taken().size(); ++i) {
    const auto* bytes = static_cast<const std::uint8_t*>(places.taken()[i]);
    CHECK(std::all_of(bytes, bytes + kLongTo, [i](std::uint8_t byte) { return byte == i; }));
  }
}

TEST_CASE("a place that was given back is used again before a new block is") {
  Places places;
  for (std::size_t i = 0; i < 2 * kPlaces; ++i) places.Take();
  std::set<std::uintptr_t> blocks;
  for (void* const each : places.taken()) blocks.insert(BlockOf(each));
  for (const std::size_t which : {5, 40, 0, 7}) {
    void* const place = places.taken()[which];
    places.GiveBack(place);
    CHECK(places.Take() == place);
  }
  // Several that are free at once: in whatever order, and no other.
  std::set<void*> free(places.taken().begin() + 10, places.taken().begin() + 50);
  for (void* const each : free) places.GiveBack(each);
  for (std::size_t i = 0; i < 40; ++i) CHECK(free.erase(places.Take()) == 1);
  CHECK(blocks.count(BlockOf(places.Take())) == 0);
}

TEST_CASE("a block that is all free goes back to the system, but for one") {
  std::vector<std::uintptr_t> blocks;
  blocks.reserve(4 * kPlaces);
  {
    Places places;
    for (std::size_t i = 0; i < 4 * kPlaces; ++i) blocks.push_back(BlockOf(places.Take()));
  }
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  REQUIRE(blocks.size() >= 4);
  CHECK(std::count_if(blocks.begin(), blocks.end(), IsMapped) == 1);
  // That one is for who comes next.
  Places places;
  CHECK(std::count(blocks.begin(), blocks.end(), BlockOf(places.Take())) == 1);
}

TEST_CASE("one place in use keeps its block, and only that") {
  Places places;
  for (std::size_t i = 0; i < 4 * kPlaces; ++i) places.Take();
  void* const kept = places.taken()[2 * kPlaces];
  std::memset(kept, 0x5a, kLongTo);
  const std::vector<void*> all = places.taken();
  for (void* const each : all) {
    if (each != kept) places.GiveBack(each);
  }
  std::set<std::uintptr_t> mapped;
  for (void* const each : all) {
    if (IsMapped(BlockOf(each))) mapped.insert(BlockOf(each));
  }
  CHECK(mapped.count(BlockOf(kept)) == 1);
  CHECK(mapped.size() <= 2);
  const auto* bytes = static_cast<const std::uint8_t*>(kept);
  CHECK(std::all_of(bytes, bytes + kLongTo, [](std::uint8_t byte) { return byte == 0x5a; }));
}

TEST_CASE("who has one response at a time never needs a second block, nor a fresh one") {
  std::uintptr_t block = 0;
  {
    Places places;
    block = BlockOf(places.Take());
  }
  for (int i = 0; i < 200; ++i) {
    Places places;
    CHECK(BlockOf(places.Take()) == block);
  }
  CHECK(IsMapped(block));
}

TEST_CASE("bytes are in this memory from 16 to 64 KiB, and on the heap otherwise") {
  // What would be given out next, is.
  const auto next_place = [] {
    void* const place = AllocateLong(kLongTo);
    FreeLong(place, kLongTo);
    return place;
  };
  for (const std::size_t size : {kLongFrom, kLongFrom + 1, kLongTo - 1, kLongTo}) {
    void* const next = next_place();
    const Bytes bytes(size, 1);
    CHECK(bytes.data() == next);
    CHECK(next_place() != next);
    CHECK(std::count(bytes.begin(), bytes.end(), 1) == static_cast<long>(size));
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kLongFrom - 1, kLongTo + 1, 2 * kLongTo}) {
    void* const next = next_place();
    const Bytes bytes(size, 1);
    CHECK(bytes.data() != next);
    CHECK(next_place() == next);
  }
}

TEST_CASE("bytes that grow, shrink, move and are copied keep what they hold") {
  Bytes grown;
  for (std::size_t i = 0; i < 3 * kLongTo; ++i) grown.push_back(static_cast<std::uint8_t>(i % 251));
  const auto right = [](const Bytes& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != i % 251) return false;
    }
    return true;
  };
  CHECK(right(grown));
  for (const std::size_t size :
       {2 * kLongTo, kLongTo, kLongTo - 1, kLongFrom, kLongFrom - 1, std::size_t{2}}) {
    Bytes copy(grown.begin(), grown.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(right(copy));
    grown.resize(size);
    grown.shrink_to_fit();
    CHECK(right(grown));
    const std::uint8_t* const where = copy.data();
    const Bytes moved = std::move(copy);
    CHECK(moved.data() == where);
    CHECK((moved == grown));
    Bytes zeroed = moved;
    zeroed.assign(size, 0);
    CHECK(std::count(zeroed.begin(), zeroed.end(), 0) == static_cast<long>(size));
  }
}

TEST_CASE("threads that take and give back at once, each other's too, find their bytes as they left them") {
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  std::mutex mutex;
  std::vector<Bytes> shared;  // each filled with its first byte
  std::vector<std::thread> threads;
  std::vector<int> wrong(kThreads);
  for (int which = 0; which < kThreads; ++which) {
    threads.emplace_back([&, which] {
      std::mt19937 random(static_cast<unsigned>(which));
      const std::size_t sizes[] = {kLongFrom, 30000, kLongTo};
      for (int round = 0; round < kRounds; ++round) {
        Bytes taken;
        {
          const std::lock_guard<std::mutex> lock(mutex);
          if (shared.size() > 100 || (!shared.empty() && random() % 2 == 0)) {
            const std::size_t index = random() % shared.size();
            taken = std::move(shared[index]);
            shared[index] = std::move(shared.back());
            shared.pop_back();
          }
        }
        if (taken.empty()) {
          Bytes made(sizes[random() % 3], static_cast<std::uint8_t>(random()));
          const std::lock_guard<std::mutex> lock(mutex);
          shared.push_back(std::move(made));
        } else if (std::count(taken.begin(), taken.end(), taken[0]) != static_cast<long>(taken.size())) {
          ++wrong[static_cast<std::size_t>(which)];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(kThreads));
}

}  // namespace
