#include <pthread.h>
#include <signal.h>

#include <memory>

#include "loop/thread.h"

namespace pcsc_bridge::platform {
namespace {

using Body = std::function<void()>;

void* Enter(void* argument) {
  const std::unique_ptr<Body> body(static_cast<Body*>(argument));
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "pcsc-bridge");
#endif
  (*body)();
  return nullptr;
}

}  // namespace

bool StartThread(Body body) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kThreadStackBytes);

  // Signals belong to the program's own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  auto argument = std::make_unique<Body>(std::move(body));
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, Enter, argument.get()) == 0;
  if (started) argument.release();  // now Enter's
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return started;
}

}  // namespace pcsc_bridge::platform
