#include "addon/long_memory.h"

namespace pcsc_bridge::addon {

std::shared_ptr<std::uint8_t> LongMemory::Take(std::size_t) {
  return nullptr;
}

}  // namespace pcsc_bridge::addon
