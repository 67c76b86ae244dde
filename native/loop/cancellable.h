// A running operation that the caller may give up.
#pragma once

namespace pcsc_bridge {

// Without effect once it has ended. Any thread, unless the class that implements it says otherwise.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  virtual void Cancel() = 0;
};

}  // namespace pcsc_bridge
