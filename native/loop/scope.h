// The objects that belong to one environment of the program (a JavaScript environment, the agent) and end
// with it.
#pragma once

#include <cassert>
#include <memory>
#include <utility>

#include "loop/loop.h"

namespace pcsc_bridge {

// An object with an action at the end of its scope. On the loop's thread.
class Resident {
 public:
  virtual ~Resident() = default;
  // The scope ends: this must not wait. Called once.
  virtual void OnScopeEnd() = 0;

 private:
  friend class Scope;
  Resident* next_ = nullptr;
  Resident** place_ = nullptr;  // the pointer to this one; null if it is in no scope
};

// Made on any thread; everything but loop() on the loop's thread only.
class Scope : public std::enable_shared_from_this<Scope> {
 public:
  explicit Scope(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  const std::shared_ptr<Loop>& loop() const { return loop_; }
  bool ended() const { return ended_; }

  // A resident leaves before it is destroyed.
  void Add(Resident& resident) {
    assert(loop_->OnThisThread() && resident.place_ == nullptr);
    resident.next_ = first_;
    if (first_ != nullptr) first_->place_ = &resident.next_;
    first_ = &resident;
    resident.place_ = &first_;
  }
  static void Remove(Resident& resident) {
    if (resident.place_ == nullptr) return;
    *resident.place_ = resident.next_;
    if (resident.next_ != nullptr) resident.next_->place_ = resident.place_;
    resident.next_ = nullptr;
    resident.place_ = nullptr;
  }

  // Ends all residents. Once.
  void End() {
    assert(loop_->OnThisThread());
    if (std::exchange(ended_, true)) return;
    // A resident may hold the last reference to its scope.
    const std::shared_ptr<Scope> self = weak_from_this().lock();
    while (first_ != nullptr) {
      Resident& resident = *first_;
      Remove(resident);
      resident.OnScopeEnd();
    }
  }

 private:
  const std::shared_ptr<Loop> loop_;
  Resident* first_ = nullptr;
  bool ended_ = false;
};

}  // namespace pcsc_bridge
