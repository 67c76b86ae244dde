// Calls made when their time has come.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace pcsc_bridge {

// All of them on one thread, which there is only while there are calls to make. Immortal. Thread safe.
class Deadlines {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Key = std::pair<Time, std::uint64_t>;

  static Deadlines& OfProcess();

  // `call` must not wait. Nothing when the system has no thread to give; it is never made then.
  std::optional<Key> Add(std::chrono::milliseconds time, std::function<void()> call);
  // The call may be under way.
  void Remove(const Key& key);

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable sooner_;
  std::map<Key, std::function<void()>> calls_;
  std::uint64_t last_ = 0;
  bool running_ = false;
  Time next_look_{};  // where the thread waits: until when
};

}  // namespace pcsc_bridge
