// The reader queue: inside the process one operation at a time uses a reader, in order of arrival.
//
// PC/SC libraries serve waiting transactions in no order and, on pcsc-lite, only every 100 ms. Every
// operation of this process that needs a reader queues here first. So a hand-over inside the process is
// direct and fair, and only the first in the queue waits for other processes.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "loop/loop.h"

namespace pcsc_bridge {

// One per process. Thread safe: its callers are on several loops.
class ReaderQueue {
 private:
  struct Waiter;

 public:
  static ReaderQueue& OfProcess();

  // The right to use a reader. Move-only; passes to the next in the queue when it is destroyed or left, on
  // any thread.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept
        : queue_(std::exchange(other.queue_, nullptr)), reader_(std::move(other.reader_)) {}
    Turn& operator=(Turn&& other) noexcept {
      if (this != &other) {
        Leave();
        queue_ = std::exchange(other.queue_, nullptr);
        reader_ = std::move(other.reader_);
      }
      return *this;
    }
    ~Turn() { Leave(); }

    explicit operator bool() const { return queue_ != nullptr; }
    void Leave() {
      if (queue_ != nullptr) std::exchange(queue_, nullptr)->Pass(reader_);
    }

   private:
    friend class ReaderQueue;
    Turn(ReaderQueue* queue, std::string reader) : queue_(queue), reader_(std::move(reader)) {}
    ReaderQueue* queue_ = nullptr;
    std::string reader_;
  };

  // A place in the queue. Move-only; leaves the queue when it is destroyed, which happens on the loop that
  // waits.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      if (this != &other) {
        Leave();
        waiter_ = std::move(other.waiter_);
      }
      return *this;
    }
    ~Place() { Leave(); }

    explicit operator bool() const { return waiter_ != nullptr; }
    void Leave();

   private:
    friend class ReaderQueue;
    std::shared_ptr<Waiter> waiter_;
  };

  // Returns the turn if the reader is free, otherwise an empty one.
  Turn TryTake(const std::string& reader);
  // Returns the turn if the reader is free. Otherwise returns an empty one and takes a place: `then` is
  // called on the loop, once, with the turn, unless the place is left before.
  Turn Take(const std::string& reader, const std::shared_ptr<Loop>& loop, std::function<void(Turn)> then,
            Place& place);

  bool IsTaken(const std::string& reader) const;
  // The present length of a reader's queue.
  std::size_t Waiting(const std::string& reader) const;

 private:
  struct Waiter {
    ReaderQueue* queue = nullptr;
    std::string reader;
    std::shared_ptr<Loop> loop;
    std::function<void(Turn)> then;  // empty once it has come or the place was left; on the loop
    bool queued = true;              // guarded by the queue's mutex
  };

  void Pass(const std::string& reader);

  mutable std::mutex mutex_;
  // The readers in use, each with its queue.
  std::unordered_map<std::string, std::deque<std::shared_ptr<Waiter>>> queues_;
};

}  // namespace pcsc_bridge
