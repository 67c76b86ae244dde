#include <sys/mman.h>

#include "addon/long_memory.h"

namespace pcsc_bridge::addon {

std::shared_ptr<std::uint8_t> LongMemory::Take(std::size_t size) {
  if (kPage - used_ < size) {
    page_ = MapPage();
    used_ = 0;
  }
  if (!page_) return nullptr;
  std::shared_ptr<std::uint8_t> taken(page_, page_.get() + used_);
  used_ += size;
  return taken;
}

std::shared_ptr<std::uint8_t> LongMemory::MapPage() {
  // Twice as much: a huge page has to begin at a multiple of its size. The kernel backs only what is written.
  constexpr std::size_t kMapped = 2 * kPage;
  void* const mapped = mmap(nullptr, kMapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  std::shared_ptr<void> mapping(mapped, [](void* memory) { (void)munmap(memory, kMapped); });
  const auto start = reinterpret_cast<std::uintptr_t>(mapped);
  auto* const page = reinterpret_cast<std::uint8_t*>((start + kPage - 1) & ~(kPage - 1));
  if (madvise(page, kPage, MADV_HUGEPAGE) != 0) return nullptr;
  return {std::move(mapping), page};
}

}  // namespace pcsc_bridge::addon
