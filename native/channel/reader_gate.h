// The order of service inside the process: one turn at a time per reader, in order of arrival.
//
// PC/SC libraries serve waiting transactions in no order and, on pcsc-lite, only every 100 ms. Everything of
// ours that wants a reader passes here first, so that a hand-over inside the process is direct and fair and
// only the first in line has to deal with other processes.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "channel/operation.h"

namespace pcsc_bridge {

// Who stands in line.
struct Waiter {
  std::weak_ptr<Operation> operation;
  std::atomic<bool> called{false};
};

// One per process. Thread safe.
class ReaderGate {
 public:
  // The right to use a reader; passes to the next in line when it goes. Move-only.
  class Turn {
   public:
    Turn(ReaderGate& gate, std::string reader) : gate_(&gate), reader_(std::move(reader)) {}
    Turn(Turn&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), reader_(std::move(other.reader_)) {}
    Turn& operator=(Turn&& other) noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { Leave(); }

   private:
    void Leave();
    ReaderGate* gate_;
    std::string reader_;
  };

  // A place in the line for a reader. Move-only; one that is dropped leaves the line, or passes the turn on.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { Leave(); }

    // Empty for one that was never taken.
    const std::string& reader() const { return reader_; }
    // Somebody else had the turn when the place was taken.
    bool waited() const { return waited_; }

    // Waits for the turn, once; nothing when the operation was cancelled.
    std::optional<Turn> Wait(Operation& operation);

   private:
    friend class ReaderGate;
    void Leave();

    ReaderGate* gate_ = nullptr;
    std::string reader_;
    std::shared_ptr<Waiter> waiter_;  // null when there is nothing to leave
    bool waited_ = false;
  };

  static ReaderGate& OfProcess();

  // Takes a place in line, without waiting. `operation` is the one that will wait.
  Place TakePlace(const std::string& reader, Operation& operation);

  bool IsTaken(const std::string& reader) const;
  // How many stand in line for a reader just now.
  std::size_t Waiting(const std::string& reader) const;

 private:
  void Pass(const std::string& reader);

  mutable std::mutex mutex_;
  // Readers whose turn is taken, each with its line.
  std::unordered_map<std::string, std::deque<std::shared_ptr<Waiter>>> lines_;
};

}  // namespace pcsc_bridge
