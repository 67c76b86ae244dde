// Overwrites every block before this program frees it.
//
// A PIN arrives as part of a line, and passes through private buffers of the JSON library and of the
// standard library. Blocks that the PC/SC library allocates are not covered.
#include <cstdlib>
#include <new>

#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

#include "agent/line_reader.h"

namespace {

// At least what was asked for.
std::size_t BlockSize(void* block) {
#if defined(_WIN32)
  return _msize(block);
#elif defined(__APPLE__)
  return malloc_size(block);
#else
  return malloc_usable_size(block);
#endif
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}

void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  pcsc_bridge::agent::Wipe(static_cast<char*>(block), BlockSize(block));
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

// The array and nothrow forms of the standard library call these.
