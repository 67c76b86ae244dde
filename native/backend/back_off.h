// The pauses between two looks at a card or reader that another program has.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace pcsc_bridge::backend {

// No event reports that another program has let go. So the pauses are short at first, for transactions that
// are about to end, and never long.
class BackOff {
 public:
  std::chrono::microseconds Next() { return std::exchange(pause_, std::min(pause_ + pause_ / 4, kLongest)); }
  bool used() const { return pause_ != kFirst; }

 private:
  static constexpr std::chrono::microseconds kFirst{500};
  static constexpr std::chrono::microseconds kLongest{2000};
  std::chrono::microseconds pause_ = kFirst;
};

}  // namespace pcsc_bridge::backend
