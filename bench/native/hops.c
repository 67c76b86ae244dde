// What an asynchronous library cannot do without, and nothing else: every call goes from an event loop to the
// card's own thread and back, by a condition variable and an event descriptor; and each response is in memory
// of its own, for as long as somebody may look at it. The floor for whoever calls libpcsclite.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client.h"

struct lane {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t asked;
  const struct call* call;  // under way or waiting for its thread; NULL when there is none
  int started;
  BYTE response[kMaxResponse];
};

static struct lane lanes[kMaxHandles];
static pthread_mutex_t done_mutex = PTHREAD_MUTEX_INITIALIZER;
static int done[kMaxHandles];
static int done_count;
static int event = -1;
static int epoll = -1;

// As V8 does with the longest responses: before it collects there are about 700 of them.
enum { kGivenOut = 700 };
static BYTE* given_out[kGivenOut];
static int given_out_count;

static void give_out(const BYTE* response, DWORD length) {
  if (given_out_count == kGivenOut) {
    for (int i = 0; i < kGivenOut; ++i) free(given_out[i]);
    given_out_count = 0;
  }
  BYTE* bytes = malloc(length);
  if (bytes == NULL) abort();
  memcpy(bytes, response, length);
  given_out[given_out_count++] = bytes;
}

static void* run_lane(void* argument) {
  struct lane* lane = argument;
  for (;;) {
    pthread_mutex_lock(&lane->mutex);
    while (lane->call == NULL) pthread_cond_wait(&lane->asked, &lane->mutex);
    const struct call* call = lane->call;
    lane->call = NULL;
    pthread_mutex_unlock(&lane->mutex);
    const DWORD length = call->make(call, lane->response);
    pthread_mutex_lock(&done_mutex);
    give_out(lane->response, length);
    done[done_count++] = (int)(lane - lanes);
    const int first = done_count == 1;
    pthread_mutex_unlock(&done_mutex);
    const uint64_t one = 1;
    if (first && write(event, &one, sizeof one) != sizeof one) abort();
  }
  return NULL;
}

void hop_ask(int number, const struct call* call) {
  struct lane* lane = &lanes[number];
  if (event < 0) {
    event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted);
  }
  if (!lane->started) {
    lane->started = 1;
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->asked, NULL);
    pthread_create(&lane->thread, NULL, run_lane, lane);
  }
  pthread_mutex_lock(&lane->mutex);
  lane->call = call;
  pthread_mutex_unlock(&lane->mutex);
  pthread_cond_signal(&lane->asked);
}

int hop_answers(int* numbers) {
  for (;;) {
    struct epoll_event got;
    if (epoll_wait(epoll, &got, 1, -1) < 1) continue;
    uint64_t count;
    if (read(event, &count, sizeof count) != sizeof count) continue;
    pthread_mutex_lock(&done_mutex);
    const int answers = done_count;
    memcpy(numbers, done, sizeof(int) * (size_t)answers);
    done_count = 0;
    pthread_mutex_unlock(&done_mutex);
    if (answers > 0) return answers;
  }
}
