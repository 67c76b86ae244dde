#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "loop/immortal.h"
#include "pcsc/long_memory.h"

namespace pcsc_bridge {
namespace {

constexpr std::size_t kBlock = 2 * 1024 * 1024;  // a huge page, and aligned like one
constexpr std::uint32_t kAllFree = ~std::uint32_t{0};
static_assert(kBlock / kLongTo == 32, "one bit for each place in a block");

class Blocks {
 public:
  void* Take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (with_room_.empty()) {
      void* const block = Map();
      if (block == nullptr) throw std::bad_alloc();
      free_places_.emplace(block, kAllFree);
      with_room_.push_back(block);
    }
    void* const block = with_room_.back();
    std::uint32_t& places = free_places_[block];
    const int place = __builtin_ctz(places);
    places &= places - 1;
    if (places == 0) with_room_.pop_back();
    return static_cast<char*>(block) + static_cast<std::size_t>(place) * kLongTo;
  }

  void GiveBack(void* memory) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    void* const block = reinterpret_cast<void*>(address & ~(kBlock - 1));
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = free_places_.find(block);
    if (found->second == 0) with_room_.push_back(block);
    found->second |= std::uint32_t{1} << (address - reinterpret_cast<std::uintptr_t>(block)) / kLongTo;
    // One is kept, for whoever has a response at a time.
    if (found->second != kAllFree || with_room_.size() == 1) return;
    with_room_.erase(std::find(with_room_.begin(), with_room_.end(), block));
    free_places_.erase(found);
    (void)munmap(block, kBlock);
  }

 private:
  static void* Map() {
    void* const mapped =
        mmap(nullptr, 2 * kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    const auto start = reinterpret_cast<std::uintptr_t>(mapped);
    const std::uintptr_t block = (start + kBlock - 1) & ~(kBlock - 1);
    if (block > start) (void)munmap(mapped, block - start);
    (void)munmap(reinterpret_cast<void*>(block + kBlock), start + kBlock - block);
    (void)madvise(reinterpret_cast<void*>(block), kBlock, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(block);
  }

  std::mutex mutex_;
  std::unordered_map<void*, std::uint32_t> free_places_;  // by block; a bit for each
  std::vector<void*> with_room_;
};

Blocks& OfProcess() {
  static Immortal<Blocks> blocks;
  return *blocks;
}

}  // namespace

void* AllocateLong(std::size_t) {
  return OfProcess().Take();
}

void FreeLong(void* memory, std::size_t) noexcept {
  OfProcess().GiveBack(memory);
}

}  // namespace pcsc_bridge
