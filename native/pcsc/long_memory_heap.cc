// Systems without huge pages to ask for: the heap.
#include <new>

#include "pcsc/long_memory.h"

namespace pcsc_bridge {

void* AllocateLong(std::size_t size) {
  return ::operator new(size);
}

void FreeLong(void* memory, std::size_t) noexcept {
  ::operator delete(memory);
}

}  // namespace pcsc_bridge
