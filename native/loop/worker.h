// Threads for channels: started when needed, reused when free, ended when long idle.
#pragma once

#include <functional>

namespace pcsc_bridge {

// Runs the task on a thread of its own: a free one if there is one, else a new one with a small stack.
// Never waits. False when the system has no thread to give; the task is then dropped. The threads are never
// joined: a process can end while they are stuck inside a PC/SC call.
bool RunOnWorker(std::function<void()> task);

}  // namespace pcsc_bridge
