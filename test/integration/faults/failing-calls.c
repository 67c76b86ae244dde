/*
 * Preloaded into a program under test: makes a chosen call of a system function fail. The file that FAILING_CALLS names
 * holds a 32-bit counter per function, in the order below; the call that counts one down to 0 fails. 0: no call fails.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SOCKET, EVENTFD, EPOLL_CREATE, EPOLL_ADD, TIMERFD, THREAD, FUNCTIONS };

static _Atomic int* counters;

__attribute__((constructor)) static void map_counters(void) {
  const char* path = getenv("FAILING_CALLS");
  if (path == NULL) return;
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) abort();
  void* place = mmap(NULL, FUNCTIONS * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (place == MAP_FAILED) abort();
  close(file);
  counters = place;
}

static int fails(int function) {
  if (counters == NULL || atomic_load(&counters[function]) <= 0) return 0;
  return atomic_fetch_sub(&counters[function], 1) == 1;
}

/* libuv ends the process if epoll_ctl fails: only the calls of the addon fail. */
static int is_addon(const void* caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "pcsc_bridge") != NULL;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int socket(int domain, int type, int protocol) {
  REAL(socket);
  if (domain == AF_UNIX && fails(SOCKET)) {
    errno = EMFILE;
    return -1;
  }
  return real(domain, type, protocol);
}

int eventfd(unsigned int count, int flags) {
  REAL(eventfd);
  if (fails(EVENTFD)) {
    errno = EMFILE;
    return -1;
  }
  return real(count, flags);
}

int epoll_create1(int flags) {
  REAL(epoll_create1);
  if (fails(EPOLL_CREATE)) {
    errno = EMFILE;
    return -1;
  }
  return real(flags);
}

int epoll_ctl(int poll, int operation, int descriptor, struct epoll_event* event) {
  REAL(epoll_ctl);
  if (operation == EPOLL_CTL_ADD && is_addon(__builtin_return_address(0)) && fails(EPOLL_ADD)) {
    errno = ENOMEM;
    return -1;
  }
  return real(poll, operation, descriptor, event);
}

int timerfd_create(int clock, int flags) {
  REAL(timerfd_create);
  if (fails(TIMERFD)) {
    errno = EMFILE;
    return -1;
  }
  return real(clock, flags);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) {
  REAL(pthread_create);
  if (fails(THREAD)) return EAGAIN;
  return real(thread, attributes, body, argument);
}
