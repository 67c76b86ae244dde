// The one writer of a link.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "agent/stream.h"

namespace pcsc_bridge::agent {

// Lines are written in the order of Push, on a thread of its own, so that nobody who has an answer waits for
// whoever reads it. What nobody reads is bounded: whoever takes requests waits for room first, and beyond
// kTooMuch the link is given up. Thread safe.
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  static constexpr std::size_t kEnough = 1024 * 1024;
  static constexpr std::size_t kTooMuch = 8 * 1024 * 1024;

  // `failed` is told once, from any thread, when nothing more can be sent.
  Outbox(std::shared_ptr<Stream> stream, std::function<void(std::string why)> failed);

  // Never waits. Without effect once the outbox has failed.
  void Push(std::string line);
  // Waits until less than kEnough is to be written. False when it has failed or the time is over.
  bool WaitForRoom(std::chrono::milliseconds time);
  // Waits until all is written, it has failed, or the time is over.
  void Drain(std::chrono::milliseconds time);

 private:
  void Loop();
  void Fail(std::string why);

  const std::shared_ptr<Stream> stream_;
  const std::function<void(std::string)> failed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
  std::size_t waiting_ = 0;  // bytes not yet written, those in the writer's hand included
  bool running_ = false;
  bool has_failed_ = false;
};

}  // namespace pcsc_bridge::agent
