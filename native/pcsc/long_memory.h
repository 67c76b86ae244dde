// Memory for long byte strings.
//
// A long response has 16 pages, and belongs to whoever asked for it until JavaScript's collector gets to it:
// each is in fresh memory, and to get that from the system page by page takes longer than all the rest of its
// way. So it comes from blocks of 2 MiB, which Linux can hand out in one piece; what is free in them is used
// again, and a block that is all free goes back. Elsewhere this is the heap.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace pcsc_bridge {

inline constexpr std::size_t kLongFrom = 16 * 1024;
inline constexpr std::size_t kLongTo = 64 * 1024;

// Thread safe. For sizes from kLongFrom to kLongTo; std::bad_alloc where there is no memory.
void* AllocateLong(std::size_t size);
void FreeLong(void* memory, std::size_t size) noexcept;

// An allocator for bytes that takes the long ones from there. A vector of them is not zeroed where nothing
// says so: `Bytes(n)` and `resize(n)` are for what is written over at once, `Bytes(n, 0)` for what others
// write to.
template <class T>
struct LongAllocator {
  using value_type = T;
  static_assert(sizeof(T) == 1, "lengths are in bytes");

  LongAllocator() = default;
  template <class Other>
  LongAllocator(const LongAllocator<Other>&) noexcept {}  // NOLINT: as allocators are

  T* allocate(std::size_t size) {
    return IsLong(size) ? static_cast<T*>(AllocateLong(size)) : std::allocator<T>().allocate(size);
  }
  void deallocate(T* memory, std::size_t size) noexcept {
    if (IsLong(size)) {
      FreeLong(memory, size);
    } else {
      std::allocator<T>().deallocate(memory, size);
    }
  }

  template <class Other>
  void construct(Other* place) noexcept {
    ::new (static_cast<void*>(place)) Other;
  }
  template <class Other, class... Arguments>
  void construct(Other* place, Arguments&&... arguments) {
    ::new (static_cast<void*>(place)) Other(std::forward<Arguments>(arguments)...);
  }

  template <class Other>
  bool operator==(const LongAllocator<Other>&) const noexcept {
    return true;
  }
  template <class Other>
  bool operator!=(const LongAllocator<Other>&) const noexcept {
    return false;
  }

 private:
  static bool IsLong(std::size_t size) { return size >= kLongFrom && size <= kLongTo; }
};

}  // namespace pcsc_bridge
