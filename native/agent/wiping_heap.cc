// Overwrites every block before this program frees it.
//
// A PIN arrives as part of a line, and passes through private buffers of the JSON library and of the
// standard library. Blocks that the PC/SC library allocates are not covered.
#include <cstdlib>
#include <new>

#include "agent/block_size.h"
#include "agent/line_reader.h"

void* operator new(std::size_t size) {
  if (void* block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}

void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  pcsc_bridge::agent::Wipe(static_cast<char*>(block), pcsc_bridge::agent::platform::BlockSize(block));
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

// The array and nothrow forms of the standard library call these.
