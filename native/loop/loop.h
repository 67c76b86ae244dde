// An event loop: the thread to which a part of the core's state belongs.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pcsc_bridge {

using Task = std::function<void()>;

// Runs tasks one after another on one thread. State that belongs to a loop is touched by that thread alone,
// so it needs no lock. Tasks must not block.
//
// A loop is driven either by a thread of its own (OfProcess, ThreadLoop in the tests) or by another event
// loop, such as libuv's: that one calls RunDue whenever descriptor() is readable (Linux) or `wake` was called
// (elsewhere).
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = std::chrono::microseconds;

  // The process's own loop, on a thread that starts with the first successful call and lives as long as the
  // process. Null if the system has no free thread or descriptor: the next call tries again.
  static std::shared_ptr<Loop> OfProcess();

  // A loop that belongs to the calling thread, which drives it. `wake` is called on any thread when RunDue
  // should be called soon. On Linux it may be null, because descriptor() becomes readable. Null if the
  // system has no free descriptor.
  static std::shared_ptr<Loop> Create(std::function<void()> wake = nullptr);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Any thread. Runs the task on the loop's thread, in the order of posting and never within this call.
  // Dropped where the loop has ended.
  void Post(Task task);
  // Any thread. Runs the task here and now on the loop's thread; posts it from any other.
  template <class Work>
  void Execute(Work work) {
    if (OnThisThread()) {
      work();
    } else {
      Post(Task(std::move(work)));
    }
  }
  // Any thread: runs `ask` on the loop's thread and returns its value. The caller blocks until the tasks
  // before it and `ask` itself have run.
  template <class Ask>
  auto Sync(Ask ask) -> decltype(ask());
  bool OnThisThread() const { return std::this_thread::get_id() == thread_; }

  // --- The loop's thread only, from here on: asserted. ---

  // Stops when it is destroyed or assigned to; harmless once it has fired. Must not outlive its loop's
  // thread.
  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), key_(other.key_) {}
    Timer& operator=(Timer&& other) noexcept {
      if (this != &other) {
        Stop();
        loop_ = std::exchange(other.loop_, nullptr);
        key_ = other.key_;
      }
      return *this;
    }
    ~Timer() { Stop(); }
    void Stop();

   private:
    friend class Loop;
    using Key = std::pair<Clock::time_point, std::uint64_t>;
    Timer(Loop* loop, Key key) : loop_(loop), key_(key) {}
    Loop* loop_ = nullptr;
    Key key_{};
  };
  [[nodiscard]] Timer After(Duration time, Task task);

#if defined(__linux__)
  // Calls `ready` whenever the descriptor is readable (or has failed), and, while `writable` is wanted, when
  // it is writable. The caller owns the descriptor and removes it before closing it. False if the system
  // does not take it, or the loop has ended.
  bool Add(int descriptor, Task ready);
  void WantWritable(int descriptor, bool wanted);
  void Remove(int descriptor);
  // Readable while tasks or timers are due and, unless WatchBy was called, while a descriptor is ready.
  int descriptor() const {
    return poll_;
  }

  // Lets the event loop that drives this one watch the descriptors itself, and call RunReady. A nested
  // epoll descriptor would also work, but it costs one more call and wake-up per answer (an APDU, with
  // client and daemon on different cores: 1.10 instead of 1.07 times C).
  struct Watching {
    std::function<bool(int descriptor)> add;
    std::function<void(int descriptor, bool writable)> want_writable;
    std::function<void(int descriptor)> remove;
  };
  void WatchBy(Watching watching) {
    watching_ = std::move(watching);
  }
  // The task of a descriptor that is ready, and then what is due.
  void RunReady(int descriptor);
#else
  // The time at which RunDue must be called at the latest; no value if there is no timer.
  std::optional<Clock::time_point> NextTimer() const;
#endif

  // For the driver of the loop: runs what is due, including tasks posted meanwhile. Returns their number.
  std::size_t RunDue();
  // Runs no more tasks and accepts none. Posted tasks are dropped.
  void End();

 private:
  Loop() = default;
  std::size_t RunPosted();
  std::size_t RunTimers();
  // Platform: loop_linux.cc, loop_portable.cc.
  bool Open();
  void WakeUp();            // any thread: something was posted
  void TimersChanged();     // the earliest timer is another one
  std::size_t RunPolled();  // what waits for descriptors
  void DropReady();
  void Wait();  // for a driving thread: until there is something to do

  std::thread::id thread_ = std::this_thread::get_id();
  std::function<void()> wake_;

  std::mutex mutex_;  // guards posted_ and ended_
  std::vector<Task> posted_;
  bool ended_ = false;

  std::map<Timer::Key, Task> timers_;
  std::uint64_t last_timer_ = 0;
  bool running_ = false;  // inside RunDue: no need to wake the loop

#if defined(__linux__)
  std::optional<Clock::time_point> armed_;  // what the timer descriptor is set to
  int poll_ = -1;
  int bell_ = -1;   // eventfd: something was posted
  int alarm_ = -1;  // timerfd
  std::unordered_map<int, std::shared_ptr<Task>> ready_;
  Watching watching_;  // empty: by poll_
#else
  std::condition_variable changed_;
#endif
};

template <class Ask>
auto Loop::Sync(Ask ask) -> decltype(ask()) {
  if (OnThisThread()) return ask();
  std::mutex mutex;
  std::condition_variable done;
  std::optional<decltype(ask())> value;
  Post([&] {
    const std::lock_guard<std::mutex> lock(mutex);
    value.emplace(ask());
    done.notify_one();
  });
  std::unique_lock<std::mutex> lock(mutex);
  done.wait(lock, [&] { return value.has_value(); });
  return std::move(*value);
}

}  // namespace pcsc_bridge
