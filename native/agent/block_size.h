// How large a block of malloc's is.
#pragma once

#include <cstddef>

namespace pcsc_bridge::agent::platform {

// At least what was asked for. block_size_posix.cc, block_size_windows.cc.
std::size_t BlockSize(void* block);

}  // namespace pcsc_bridge::agent::platform
