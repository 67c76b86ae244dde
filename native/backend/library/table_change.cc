#include "backend/library/table_change.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

constexpr std::chrono::milliseconds kPatience{100};

// Lets one in.
class Turnstile {
 public:
  // False where somebody stays in it for too long.
  bool Enter() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!left_.wait_for(lock, kPatience, [this] { return !busy_; })) return false;
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
