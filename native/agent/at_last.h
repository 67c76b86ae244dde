// Something done when the last of those who hold the result lets go of it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace pcsc_bridge::agent {

inline std::shared_ptr<void> AtLast(std::function<void()> action) {
  return std::shared_ptr<void>(nullptr, [action = std::move(action)](void*) { action(); });
}

}  // namespace pcsc_bridge::agent
