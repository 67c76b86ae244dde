// The order of service inside the process: one turn at a time per reader, in order of arrival.
//
// PC/SC libraries serve waiting transactions in no order and, on pcsc-lite, only every 100 ms. Every
// operation of this process that needs a reader passes here first, so that a hand-over inside the process is
// direct and fair and only the first in line has to deal with other processes.
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

  // The right to use a reader. Move-only; passes to the next in line when it is destroyed or left, on any
  // thread.
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

  // A place in the line. Move-only; leaves the line when it is destroyed, which happens on the loop that
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
  // Returns the turn where the reader is free. Otherwise returns an empty one and takes a place: `then` comes
  // on the loop, once, when the turn does, unless the place is left before.
  Turn Take(const std::string& reader, const std::shared_ptr<Loop>& loop, std::function<void(Turn)> then,
            Place& place);

  bool IsTaken(const std::string& reader) const;
  // How many stand in line for a reader just now.
  std::size_t Waiting(const std::string& reader) const;

 private:
  struct Waiter {
    ReaderQueue* queue = nullptr;
    std::string reader;
    std::shared_ptr<Loop> loop;
    std::function<void(Turn)> then;  // empty once it has come or the place was left; on the loop
    bool in_line = true;             // guarded by the queue's mutex
  };

  void Pass(const std::string& reader);

  mutable std::mutex mutex_;
  // Readers whose turn is taken, each with its line.
  std::unordered_map<std::string, std::deque<std::shared_ptr<Waiter>>> lines_;
};

}  // namespace pcsc_bridge
