#include "backend/library/table_change.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

constexpr std::chrono::milliseconds kPatience{100};

// Lets one in.
class Turnstile {
 public:
  // False if one call stays in it for too long; that others come first does not count.
  bool Enter() {
    std::unique_lock<std::mutex> lock(mutex_);
    std::uint64_t seen = entries_;
    while (!left_.wait_for(lock, kPatience, [this] { return !busy_; })) {
      if (entries_ == seen) return false;
      seen = entries_;
    }
    ++entries_;
    busy_ = true;
    return true;
  }

  void Leave() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      busy_ = false;
    }
    left_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  bool busy_ = false;
  std::uint64_t entries_ = 0;
};

// A library is loaded once per process, and so are its tables.
Turnstile& OfProcess() {
  static Immortal<Turnstile> turnstile;
  return *turnstile;
}

}  // namespace

TableChange::TableChange(const Library& library)
    : entered_(library.unguarded_tables && OfProcess().Enter()) {}

TableChange::~TableChange() {
  if (entered_) OfProcess().Leave();
}

}  // namespace pcsc_bridge
