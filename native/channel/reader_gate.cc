#include "channel/reader_gate.h"

#include <algorithm>

#include "loop/immortal.h"

namespace pcsc_bridge {

ReaderGate& ReaderGate::OfProcess() {
  static Immortal<ReaderGate> gate;
  return *gate;
}

ReaderGate::Place ReaderGate::TakePlace(const std::string& reader, Operation& operation) {
  Place place;
  place.gate_ = this;
  place.reader_ = reader;
  place.waiter_ = std::make_shared<Waiter>();
  place.waiter_->operation = operation.weak_from_this();
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [line, free] = lines_.try_emplace(reader);
  place.waited_ = !free;
  if (free) {
    place.waiter_->called = true;
  } else {
    line->second.push_back(place.waiter_);
  }
  return place;
}

std::optional<ReaderGate::Turn> ReaderGate::Place::Wait(Operation& operation) {
  if (!waiter_->called && !operation.WaitUntil([&] { return waiter_->called.load(); })) {
    Leave();
    return std::nullopt;
  }
  waiter_ = nullptr;
  return Turn(*gate_, reader_);
}

ReaderGate::Place& ReaderGate::Place::operator=(Place&& other) noexcept {
  if (this != &other) {
    Leave();
    gate_ = other.gate_;
    reader_ = std::move(other.reader_);
    waiter_ = std::move(other.waiter_);
    waited_ = other.waited_;
  }
  return *this;
}

void ReaderGate::Place::Leave() {
  if (waiter_ == nullptr) return;
  const std::shared_ptr<Waiter> waiter = std::move(waiter_);
  waiter_ = nullptr;
  {
    const std::lock_guard<std::mutex> lock(gate_->mutex_);
    if (!waiter->called) {
      std::deque<std::shared_ptr<Waiter>>& line = gate_->lines_[reader_];
      line.erase(std::find(line.begin(), line.end(), waiter));
      return;
    }
  }
  gate_->Pass(reader_);
}

bool ReaderGate::IsTaken(const std::string& reader) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lines_.count(reader) != 0;
}

std::size_t ReaderGate::Waiting(const std::string& reader) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto line = lines_.find(reader);
  return line == lines_.end() ? 0 : line->second.size();
}

void ReaderGate::Pass(const std::string& reader) {
  // Goes after the lock: it may be the last to hold the operation, whose end leaves a place.
  std::shared_ptr<Operation> operation;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto line = lines_.find(reader);
  if (line->second.empty()) {
    lines_.erase(line);
    return;
  }
  const std::shared_ptr<Waiter> next = std::move(line->second.front());
  line->second.pop_front();
  next->called = true;
  operation = next->operation.lock();
  if (operation) operation->Notify();
}

ReaderGate::Turn& ReaderGate::Turn::operator=(Turn&& other) noexcept {
  if (this != &other) {
    Leave();
    gate_ = std::exchange(other.gate_, nullptr);
    reader_ = std::move(other.reader_);
  }
  return *this;
}

void ReaderGate::Turn::Leave() {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->Pass(reader_);
}

}  // namespace pcsc_bridge
