// Ownership of what belongs to a loop, by code on other threads.
#pragma once

#include <memory>
#include <utility>

#include "loop/loop.h"

namespace pcsc_bridge {

// Returns a pointer that any thread may hold and drop: the last one destroys the value on its loop.
template <class T>
std::shared_ptr<T> OwnedOnLoop(std::shared_ptr<Loop> loop, std::unique_ptr<T> value) {
  return std::shared_ptr<T>(value.release(), [loop = std::move(loop)](T* gone) {
    loop->Execute([owner = std::shared_ptr<T>(gone)] {});
  });
}

}  // namespace pcsc_bridge
