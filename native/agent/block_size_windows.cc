#include <malloc.h>

#include "agent/block_size.h"

namespace pcsc_bridge::agent::platform {

std::size_t BlockSize(void* block) {
  return _msize(block);
}

}  // namespace pcsc_bridge::agent::platform
