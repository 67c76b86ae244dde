// The threads for calls that block: started when needed, reused when free, ended when long idle.
#pragma once

#include <functional>

#include "pcsc/result.h"

namespace pcsc_bridge {

// Runs the task on a worker thread: a free one if there is one, else a new one with a small stack. Never
// waits. False if the system has no free thread; the task is then dropped. The threads are never joined: a
// process can end while they are stuck inside a PC/SC call.
[[nodiscard]] bool RunOnWorker(std::function<void()> task);

// The same for a task that must not be dropped: if the system has no free thread, the next worker thread
// that becomes free runs it.
void RunOnWorkerWhenPossible(std::function<void()> task);

// The error of a call for which there is no thread.
Error NoThreadError();

// The error of a call if the process's own loop cannot be started: it takes a thread and three descriptors.
Error NoLoopError();

// For tests: while it exists, no thread can be started; with `times`, only for that many tasks.
class RefuseThreads {
 public:
  static constexpr int kAlways = -1;
  explicit RefuseThreads(int times = kAlways);
  ~RefuseThreads();
  RefuseThreads(const RefuseThreads&) = delete;
  RefuseThreads& operator=(const RefuseThreads&) = delete;
};

}  // namespace pcsc_bridge
