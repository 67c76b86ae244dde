// Memory for long responses.
//
// A response belongs to its caller until V8 collects it, so each one needs fresh memory. To get that page by
// page can take longer than the card: 10 to 300 us for 64 KiB on virtual machines. A huge page of 2 MiB comes
// in one piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace pcsc_bridge::addon {

// One thread's. The responses in a huge page keep it together: it goes back to the system with the last one.
class LongMemory {
 public:
  // Not initialized; at most kPage bytes. Null where the system has no huge pages. long_memory_linux.cc,
  // long_memory_portable.cc.
  std::shared_ptr<std::uint8_t> Take(std::size_t size);

 private:
  static constexpr std::size_t kPage = 2 * 1024 * 1024;
  static std::shared_ptr<std::uint8_t> MapPage();

  std::shared_ptr<std::uint8_t> page_;
  std::size_t used_ = kPage;
};

}  // namespace pcsc_bridge::addon
