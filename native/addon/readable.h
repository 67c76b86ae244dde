// A descriptor that the environment's event loop watches.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "addon/dispatcher.h"

namespace pcsc_bridge::addon {

// The environment's thread only. Does not keep the event loop alive; ends by itself with the environment.
class Readable {
 public:
  // Called while there is something to read; false: it need not be watched before the next Watch. What it
  // posts to the dispatcher is done before the loop goes on.
  using Read = std::function<bool()>;

  // Owns the descriptor. Null where the loop does not take it.
  static std::unique_ptr<Readable> Create(const std::shared_ptr<Dispatcher>& dispatcher, int descriptor,
                                          Read read);
  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

  void Watch();

 private:
  struct Handle;
  explicit Readable(Handle& handle) : handle_(handle) {}
  Handle& handle_;  // the loop's, which frees it some time after it was closed
};

}  // namespace pcsc_bridge::addon
