#include "card/reader_queue.h"

#include <algorithm>
#include <cassert>

#include "loop/immortal.h"

namespace pcsc_bridge {

ReaderQueue& ReaderQueue::OfProcess() {
  static Immortal<ReaderQueue> queue;
  return *queue;
}

ReaderQueue::Turn ReaderQueue::TryTake(const std::string& reader) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queues_.try_emplace(reader).second ? Turn(this, reader) : Turn();
}

ReaderQueue::Turn ReaderQueue::Take(const std::string& reader, const std::shared_ptr<Loop>& loop,
                                    std::function<void(Turn)> then, Place& place) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [queue, free] = queues_.try_emplace(reader);
  if (free) return Turn(this, reader);
  auto waiter = std::make_shared<Waiter>();
  waiter->queue = this;
  waiter->reader = reader;
  waiter->loop = loop;
  waiter->then = std::move(then);
  queue->second.push_back(waiter);
  place.waiter_ = std::move(waiter);
  return Turn();
}

void ReaderQueue::Place::Leave() {
  const std::shared_ptr<Waiter> waiter = std::move(waiter_);
  waiter_ = nullptr;
  if (waiter == nullptr || !waiter->then) return;
  const std::function<void(Turn)> dropped = std::exchange(waiter->then, nullptr);
  const std::lock_guard<std::mutex> lock(waiter->queue->mutex_);
  if (!waiter->queued) return;  // the turn is on its way, and is passed on when it arrives
  auto& queue = waiter->queue->queues_[waiter->reader];
  const auto place = std::find(queue.begin(), queue.end(), waiter);
  assert(place != queue.end());
  queue.erase(place);
}

void ReaderQueue::Pass(const std::string& reader) {
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto queue = queues_.find(reader);
    assert(queue != queues_.end());  // the reader is in use until its turn is passed on
    if (queue->second.empty()) {
      queues_.erase(queue);
      return;
    }
    next = std::move(queue->second.front());
    queue->second.pop_front();
    next->queued = false;
  }
  // If the place was left or the loop has ended, the turn passes on when the task goes.
  const auto turn = std::make_shared<Turn>(Turn(this, reader));
  next->loop->Post([next, turn] {
    if (next->then) std::exchange(next->then, nullptr)(std::move(*turn));
  });
}

bool ReaderQueue::IsTaken(const std::string& reader) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queues_.count(reader) != 0;
}

std::size_t ReaderQueue::Waiting(const std::string& reader) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto queue = queues_.find(reader);
  return queue == queues_.end() ? 0 : queue->second.size();
}

}  // namespace pcsc_bridge
