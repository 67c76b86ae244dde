#include "agent/block_size.h"

#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

namespace pcsc_bridge::agent::platform {

std::size_t BlockSize(void* block) {
#if defined(__APPLE__)
  return malloc_size(block);
#else
  return malloc_usable_size(block);
#endif
}

}  // namespace pcsc_bridge::agent::platform
