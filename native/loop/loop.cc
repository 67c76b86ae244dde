#include "loop/loop.h"

#include <cassert>
#include <future>

#include "loop/immortal.h"
#include "loop/thread.h"

namespace pcsc_bridge {

std::shared_ptr<Loop> Loop::Create(std::function<void()> wake) {
  struct Shared : Loop {};
  auto loop = std::make_shared<Shared>();
  loop->wake_ = std::move(wake);
  return loop->Open() ? loop : nullptr;
}

std::shared_ptr<Loop> Loop::OfProcess() {
  struct Place {
    std::mutex mutex;
    std::shared_ptr<Loop> loop;
  };
  static Immortal<Place> place;
  const std::lock_guard<std::mutex> lock(place->mutex);
  if (place->loop) return place->loop;

  std::shared_ptr<Loop> loop = Create();
  if (!loop) return nullptr;
  const auto started = std::make_shared<std::promise<void>>();
  const bool has_thread = platform::StartThread([started, raw = loop.get()] {
    raw->thread_ = std::this_thread::get_id();
    started->set_value();
    for (;;) {
      raw->Wait();
      raw->RunDue();
    }
  });
  if (!has_thread) return nullptr;
  started->get_future().wait();
  place->loop = std::move(loop);
  return place->loop;
}

void Loop::Post(Task task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) return;  // the task goes after the lock
    posted_.push_back(std::move(task));
    // The first task wakes the loop, which then runs all of them; a running loop checks again before it
    // stops.
    if (posted_.size() > 1 || (OnThisThread() && running_)) return;
  }
  WakeUp();
}

Loop::Timer Loop::After(Duration time, Task task) {
  assert(OnThisThread());
  const Timer::Key key(Clock::now() + time, ++last_timer_);
  timers_.emplace(key, std::move(task));
  if (timers_.begin()->first == key) TimersChanged();
  return Timer(this, key);
}

void Loop::Timer::Stop() {
  if (loop_ == nullptr) return;
  assert(loop_->OnThisThread());
  std::exchange(loop_, nullptr)->timers_.erase(key_);
}

std::size_t Loop::RunPosted() {
  std::vector<Task> tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) std::exchange(task, nullptr)();
  return tasks.size();
}

std::size_t Loop::RunTimers() {
  std::size_t count = 0;
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const Task task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
    ++count;
  }
  return count;
}

std::size_t Loop::RunDue() {
  assert(OnThisThread() && !running_);
  running_ = true;
  std::size_t all = RunPolled();
  if (!timers_.empty()) all += RunTimers();
  for (std::size_t count = RunPosted(); count > 0; count = RunPosted()) all += count;
  running_ = false;
  if (!timers_.empty()) TimersChanged();
  return all;
}

void Loop::End() {
  assert(OnThisThread());
  std::vector<Task> dropped;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    dropped.swap(posted_);
  }
  std::map<Timer::Key, Task> timers = std::exchange(timers_, {});
  DropReady();
}

}  // namespace pcsc_bridge
