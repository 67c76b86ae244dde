// The loop's wait: one epoll descriptor for all events, which another event loop can watch.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>

#include "loop/loop.h"

namespace pcsc_bridge {
namespace {

bool Register(int poll, int descriptor, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  return epoll_ctl(poll, operation, descriptor, &event) == 0;
}

}  // namespace

bool Loop::Open() {
  poll_ = epoll_create1(EPOLL_CLOEXEC);
  bell_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  alarm_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  return poll_ >= 0 && bell_ >= 0 && alarm_ >= 0 && Register(poll_, bell_, EPOLLIN, EPOLL_CTL_ADD) &&
         Register(poll_, alarm_, EPOLLIN, EPOLL_CTL_ADD);
}

Loop::~Loop() {
  for (const int descriptor : {alarm_, bell_, poll_}) {
    if (descriptor >= 0) (void)close(descriptor);
  }
}

void Loop::WakeUp() {
  (void)eventfd_write(bell_, 1);
  if (wake_) wake_();
}

void Loop::TimersChanged() {
  // RunDue comes back to it.
  if (running_) return;
  const Clock::time_point earliest = timers_.begin()->first.first;
  // Firing too early is harmless, and saves a call for each timer that is replaced by a later one.
  if (armed_ && *armed_ <= earliest) return;
  armed_ = earliest;
  // steady_clock is CLOCK_MONOTONIC here. A time of zero would disarm it.
  const auto since =
      std::chrono::duration_cast<std::chrono::nanoseconds>(earliest.time_since_epoch()).count();
  itimerspec time{};
  time.it_value.tv_sec = static_cast<time_t>(since / 1'000'000'000);
  time.it_value.tv_nsec = static_cast<long>(since % 1'000'000'000);
  if (since == 0) time.it_value.tv_nsec = 1;
  (void)timerfd_settime(alarm_, TFD_TIMER_ABSTIME, &time, nullptr);
}

bool Loop::Add(int descriptor, Task ready) {
  assert(OnThisThread() && ready_.count(descriptor) == 0);
  // Only this thread ends the loop.
  if (ended_) return false;
  const bool added =
      watching_.add ? watching_.add(descriptor) : Register(poll_, descriptor, EPOLLIN, EPOLL_CTL_ADD);
  if (!added) return false;
  ready_[descriptor] = std::make_shared<Task>(std::move(ready));
  return true;
}

void Loop::WantWritable(int descriptor, bool wanted) {
  assert(OnThisThread());
  if (watching_.want_writable) return watching_.want_writable(descriptor, wanted);
  (void)Register(poll_, descriptor, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

void Loop::Remove(int descriptor) {
  assert(OnThisThread());
  if (ready_.erase(descriptor) == 0) return;
  if (watching_.remove) return watching_.remove(descriptor);
  (void)epoll_ctl(poll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

void Loop::RunReady(int descriptor) {
  assert(OnThisThread() && !running_);
  const auto found = ready_.find(descriptor);
  if (found == ready_.end()) return;
  running_ = true;
  // Kept while it runs: it may remove itself.
  const std::shared_ptr<Task> ready = found->second;
  (*ready)();
  while (RunPosted() > 0) {
  }
  running_ = false;
  if (!timers_.empty()) TimersChanged();
}

std::size_t Loop::RunPolled() {
  std::array<epoll_event, 32> events;
  const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
    if (descriptor == bell_) {
      eventfd_t rung = 0;
      (void)eventfd_read(bell_, &rung);
    } else if (descriptor == alarm_) {
      std::uint64_t expired = 0;
      (void)!read(alarm_, &expired, sizeof expired);
      armed_.reset();
    } else if (const auto found = ready_.find(descriptor); found != ready_.end()) {
      // Kept while it runs: it may remove itself.
      const std::shared_ptr<Task> ready = found->second;
      (*ready)();
    }
  }
  return static_cast<std::size_t>(count > 0 ? count : 0);
}

void Loop::DropReady() {
  // What a task owns may remove itself when it goes.
  const std::unordered_map<int, std::shared_ptr<Task>> dropped = std::exchange(ready_, {});
  for (const auto& [descriptor, task] : dropped) {
    if (watching_.remove) watching_.remove(descriptor);
  }
}

void Loop::Wait() {
  epoll_event event;
  while (epoll_wait(poll_, &event, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace pcsc_bridge
