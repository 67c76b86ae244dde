// Calls made when their time has come.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace pcsc_bridge::agent {

// Immortal: its thread, started with the first call, ends with the process. Thread safe.
class Deadlines {
 public:
  using Key = std::pair<std::chrono::steady_clock::time_point, std::uint64_t>;

  static Deadlines& OfProcess();

  // False when the system has no thread to give; `call` is never made then. It must not wait.
  bool Add(std::chrono::milliseconds time, std::function<void()> call, Key& key);
  // The call may be under way.
  void Remove(const Key& key);

 private:
  void Loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, std::function<void()>> calls_;
  std::uint64_t last_ = 0;
  bool running_ = false;
};

}  // namespace pcsc_bridge::agent
