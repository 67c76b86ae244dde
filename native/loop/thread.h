// Starting a detached thread with a small stack: std::thread cannot choose its size.
#pragma once

#include <cstddef>
#include <functional>

namespace pcsc_bridge::platform {

// Worker threads call into the PC/SC library and no deeper.
inline constexpr std::size_t kThreadStackBytes = 256 * 1024;

// False when the system refuses. thread_posix.cc, thread_windows.cc.
bool StartThread(std::function<void()> body);

}  // namespace pcsc_bridge::platform
