// The PC/SC contexts of this process, and its abandoned calls.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <utility>

namespace pcsc_bridge::backend {

// Process-wide. Thread safe.
struct Usage {
  std::atomic<std::uint64_t> contexts{0};   // in use now; pcscd serves 200 per host
  std::atomic<std::uint64_t> abandoned{0};  // calls that were given up inside PC/SC so far

  static Usage& OfProcess() {
    static Usage usage;
    return usage;
  }
};

// Counts one context for as long as it lives. Move-only.
class ContextInUse {
 public:
  ContextInUse() = default;
  static ContextInUse Count() {
    ContextInUse counted;
    counted.counted_ = true;
    ++Usage::OfProcess().contexts;
    return counted;
  }
  ContextInUse(ContextInUse&& other) noexcept : counted_(std::exchange(other.counted_, false)) {}
  ContextInUse& operator=(ContextInUse&& other) noexcept {
    std::swap(counted_, other.counted_);
    return *this;
  }
  ~ContextInUse() {
    if (!counted_) return;
    [[maybe_unused]] const std::uint64_t before = Usage::OfProcess().contexts--;
    assert(before > 0);
  }

 private:
  bool counted_ = false;
};

}  // namespace pcsc_bridge::backend
