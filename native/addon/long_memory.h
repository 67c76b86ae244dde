// Memory for long responses.
//
// A response belongs to its caller until V8 collects it, so each one needs fresh memory. The page faults
// for it can take longer than the card: 10 to 300 us for 64 KiB on virtual machines. A huge page of 2 MiB
// costs one page fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace pcsc_bridge::addon {

// Belongs to one thread. A huge page is returned to the system with the last response in it.
class LongMemory {
 public:
  // Not initialized; at most kPage bytes. Null if the system has no huge pages. long_memory_linux.cc,
  // long_memory_portable.cc.
  std::shared_ptr<std::uint8_t> Take(std::size_t size);

 private:
  static constexpr std::size_t kPage = 2 * 1024 * 1024;
  static std::shared_ptr<std::uint8_t> MapPage();

  std::shared_ptr<std::uint8_t> page_;
  std::size_t used_ = kPage;
};

}  // namespace pcsc_bridge::addon
