#include "card/reader_queue.h"

#include <algorithm>

#include "loop/immortal.h"

namespace pcsc_bridge {

ReaderQueue& ReaderQueue::OfProcess() {
  static Immortal<ReaderQueue> queue;
  return *queue;
}

ReaderQueue::Turn ReaderQueue::TryTake(const std::string& reader) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lines_.try_emplace(reader).second ? Turn(this, reader) : Turn();
}

ReaderQueue::Turn ReaderQueue::Take(const std::string& reader, const std::shared_ptr<Loop>& loop,
                                    std::function<void(Turn)> then, Place& place) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [line, free] = lines_.try_emplace(reader);
  if (free) return Turn(this, reader);
  auto waiter = std::make_shared<Waiter>();
  waiter->queue = this;
  waiter->reader = reader;
  waiter->loop = loop;
  waiter->then = std::move(then);
  line->second.push_back(waiter);
  place.waiter_ = std::move(waiter);
  return Turn();
}

void ReaderQueue::Place::Leave() {
  const std::shared_ptr<Waiter> waiter = std::move(waiter_);
  waiter_ = nullptr;
  if (waiter == nullptr || !waiter->then) return;
  const std::function<void(Turn)> dropped = std::exchange(waiter->then, nullptr);
  const std::lock_guard<std::mutex> lock(waiter->queue->mutex_);
  if (!waiter->in_line) return;  // the turn is on its way, and is passed on when it arrives
  auto& line = waiter->queue->lines_[waiter->reader];
  line.erase(std::find(line.begin(), line.end(), waiter));
}

void ReaderQueue::Pass(const std::string& reader) {
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto line = lines_.find(reader);
    if (line->second.empty()) {
      lines_.erase(line);
      return;
    }
    next = std::move(line->second.front());
    line->second.pop_front();
    next->in_line = false;
  }
  // If the place was left or the loop has ended, the turn passes on when the task goes.
  const auto turn = std::make_shared<Turn>(Turn(this, reader));
  next->loop->Post([next, turn] {
    if (next->then) std::exchange(next->then, nullptr)(std::move(*turn));
  });
}

bool ReaderQueue::IsTaken(const std::string& reader) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lines_.count(reader) != 0;
}

std::size_t ReaderQueue::Waiting(const std::string& reader) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto line = lines_.find(reader);
  return line == lines_.end() ? 0 : line->second.size();
}

}  // namespace pcsc_bridge
