#include <windows.h>

#include <memory>

#include "loop/thread.h"

namespace pcsc_bridge::platform {
namespace {

using Body = std::function<void()>;

DWORD WINAPI Enter(void* argument) {
  const std::unique_ptr<Body> body(static_cast<Body*>(argument));
  (*body)();
  return 0;
}

}  // namespace

bool StartThread(Body body) {
  auto argument = std::make_unique<Body>(std::move(body));
  const HANDLE thread = CreateThread(nullptr, kThreadStackBytes, Enter, argument.get(),
                                     STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  if (thread == nullptr) return false;
  argument.release();  // now Enter's
  CloseHandle(thread);
  return true;
}

}  // namespace pcsc_bridge::platform
