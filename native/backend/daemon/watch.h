// SCardGetStatusChange and SCardCancel over a link to pcscd.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>

#include "pcsc/abi.h"
#include "backend/daemon/link.h"
#include "pcsc/status.h"

namespace pcsc_bridge::daemon {

// One thread at a time, the link's, but for Cancel.
class Watch {
 public:
  explicit Watch(Link& link) : link_(link) {}
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Waits until one of `readers` is not as its current_state says, and tells what each is; kTimeout where
  // that takes longer than `limit` (0: only looks; nothing: waits without), kUnknownReader where one is not
  // there at first. kUnsupportedFeature where the waiting is for the library: see Link::Watch.
  Status Await(abi::ReaderState* readers, std::size_t count, std::optional<std::chrono::milliseconds> limit);
  // Any thread: ends the Await under way, if it is one that waits; else, perhaps, the next.
  void Cancel();

 private:
  int Bell();

  Link& link_;
  std::mutex mutex_;  // guards bell_
  int bell_ = -1;     // an eventfd, which Cancel rings; most links never need it
};

// Fills in what each of `readers` is by the daemon's table; whether that differs from what was known. A
// reader that the table does not have is unknown; of kPnpNotification, the event count is that of readers.
bool Update(abi::ReaderState* readers, std::size_t count, const ReaderTable& table);

}  // namespace pcsc_bridge::daemon
