#include "agent/outbox.h"

#include <utility>

#include "loop/worker.h"

namespace pcsc_bridge::agent {

Outbox::Outbox(std::shared_ptr<Stream> stream, std::function<void(std::string)> failed)
    : stream_(std::move(stream)), failed_(std::move(failed)) {}

void Outbox::Push(std::string line) {
  bool start = false;
  bool overflow = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (has_failed_) return;
    waiting_ += line.size();
    overflow = waiting_ > kTooMuch;
    lines_.push_back(std::move(line));
    if (!overflow) start = !std::exchange(running_, true);
  }
  if (overflow) Fail("the other side does not read the answers: more than 8 MiB of them are pending");
  if (start && !RunOnWorker([self = shared_from_this()] { self->Loop(); })) {
    Fail("the system has no free thread");
  }
}

// Runs while there is something to write.
void Outbox::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!lines_.empty() && !has_failed_) {
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    lock.unlock();
    const bool written = stream_->Write(line);
    if (!written) Fail(stream_->reason());
    lock.lock();
    waiting_ -= line.size();
    changed_.notify_all();
  }
  running_ = false;
}

void Outbox::Fail(std::string why) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(has_failed_, true)) return;
    changed_.notify_all();
  }
  failed_(std::move(why));
}

bool Outbox::WaitForRoom(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, time, [&] { return has_failed_ || waiting_ < kEnough; });
  return !has_failed_ && waiting_ < kEnough;
}

void Outbox::Drain(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, time, [&] { return has_failed_ || waiting_ == 0; });
}

}  // namespace pcsc_bridge::agent
