#include "channel/reader_gate.h"

#include <algorithm>

#include "pcsc/immortal.h"

namespace pcsc_bridge {

ReaderGate& ReaderGate::OfProcess() {
  static Immortal<ReaderGate> gate;
  return *gate;
}

std::optional<ReaderGate::Turn> ReaderGate::Enter(const std::string& reader, Operation& operation,
                                                  bool* waited) {
  Waiter waiter{operation.shared_from_this()};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto [line, free] = lines_.try_emplace(reader);
    if (waited != nullptr) *waited = !free;
    if (free) return Turn(*this, reader);
    line->second.push_back(&waiter);
  }
  if (operation.WaitUntil([&] { return waiter.called.load(); })) return Turn(*this, reader);

  bool called = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    called = waiter.called;
    if (!called) {
      std::deque<Waiter*>& line = lines_[reader];
      line.erase(std::find(line.begin(), line.end(), &waiter));
    }
  }
  if (called) Pass(reader);
  return std::nullopt;
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
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto line = lines_.find(reader);
  if (line->second.empty()) {
    lines_.erase(line);
    return;
  }
  Waiter* next = line->second.front();
  line->second.pop_front();
  // Once called, the waiter's frame and its operation may be gone at any moment.
  const std::shared_ptr<Operation> operation = next->operation;
  next->called = true;
  operation->Notify();
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
