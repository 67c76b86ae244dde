// An action that runs when its last holder lets go.
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace pcsc_bridge {

// Calls `action`, which may be null, when the last holder of the result lets go of it.
inline std::shared_ptr<void> AtLast(std::function<void()> action) {
  return std::shared_ptr<void>(nullptr, [action = std::move(action)](void*) {
    if (action) action();
  });
}

}  // namespace pcsc_bridge
