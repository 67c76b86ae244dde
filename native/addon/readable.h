// A descriptor that the environment's event loop watches.
#pragma once

#include <functional>
#include <memory>

#include "addon/dispatcher.h"

namespace pcsc_bridge::addon {

// Made and used on the environment's thread; may go on any. Does not keep the event loop alive, and ends by
// itself with the environment.
class Readable {
 public:
  // Called while there is something to read; false: it need not be watched before the next Watch. What it
  // posts to the dispatcher is done before the loop goes on.
  using Read = std::function<bool()>;

  // Owns the descriptor. Null where the loop does not take it.
  static std::shared_ptr<Readable> Create(const std::shared_ptr<Dispatcher>& dispatcher, int descriptor,
                                          Read read);
  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

  void Watch();
  bool IsOf(const Dispatcher& dispatcher) const { return dispatcher_.get() == &dispatcher; }

 private:
  class Handle;
  Readable(std::shared_ptr<Dispatcher> dispatcher, std::shared_ptr<Handle> handle)
      : dispatcher_(std::move(dispatcher)), handle_(std::move(handle)) {}

  const std::shared_ptr<Dispatcher> dispatcher_;
  const std::shared_ptr<Handle> handle_;
};

}  // namespace pcsc_bridge::addon
