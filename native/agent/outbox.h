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

// Writes lines in the order of Push, on a thread of its own, so that a sender never waits for the reader of
// the other side. The backlog is limited: the thread that reads requests waits for room first, and beyond
// kTooMuch the link is given up. Thread safe.
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  static constexpr std::size_t kEnough = 1024 * 1024;
  static constexpr std::size_t kTooMuch = 8 * 1024 * 1024;

  // `failed` is called once, on any thread, when nothing more can be sent.
  Outbox(std::shared_ptr<Stream> stream, std::function<void(std::string why)> failed);

  // Never waits. Without effect once the outbox has failed.
  void Push(std::string line);
  // Waits until less than kEnough is pending. Returns false if it has failed or the time is over.
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
  std::size_t waiting_ = 0;  // bytes not yet written, including those being written
  bool running_ = false;
  bool has_failed_ = false;
};

}  // namespace pcsc_bridge::agent
