// Many logons at once, without contention: each card has one thread, which does the logons of its card one
// after another on an open handle. A logon ends with a reset, so the handle has to reconnect before the next
// one.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client.h"

// Milliseconds that one thread spends in each kind of call.
struct phases {
  double reconnect;
  double begin;
  double transmit;
  double end;
};

struct storm {
  struct handle* handle;
  const BYTE* apdu;
  DWORD length;
  int logons;
  int apdus;
  pthread_barrier_t* start;
  struct phases spent;
};

static void reconnect(struct handle* handle) {
  DWORD protocol;
  check(SCardReconnect(handle->card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                       SCARD_LEAVE_CARD, &protocol),
        "SCardReconnect");
  handle->protocol = protocol == SCARD_PROTOCOL_T1 ? *SCARD_PCI_T1 : *SCARD_PCI_T0;
}

// Of all threads, those that have ended included.
static double processor_ms(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

// Adds the time since `*mark` to a phase, and moves the mark.
static void account(double* phase, double* mark) {
  const double now = now_ms();
  *phase += now - *mark;
  *mark = now;
}

static void* run_logons(void* argument) {
  struct storm* storm = argument;
  BYTE* response = malloc(kMaxResponse);
  pthread_barrier_wait(storm->start);
  double mark = now_ms();
  for (int logon = 0; logon < storm->logons; ++logon) {
    reconnect(storm->handle);
    account(&storm->spent.reconnect, &mark);
    begin_transaction(storm->handle);
    account(&storm->spent.begin, &mark);
    for (int i = 0; i < storm->apdus; ++i) transmit(storm->handle, storm->apdu, storm->length, response);
    account(&storm->spent.transmit, &mark);
    end_transaction(storm->handle, SCARD_RESET_CARD);
    account(&storm->spent.end, &mark);
  }
  free(response);
  return NULL;
}

void measure_storm(struct handle* handles, int cards, int logons, int apdus, const BYTE* apdu, DWORD length) {
  pthread_t threads[kMaxHandles];
  struct storm storms[kMaxHandles];
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, (unsigned)cards + 1);
  for (int i = 0; i < cards; ++i) {
    storms[i] = (struct storm){.handle = &handles[i],
                               .apdu = apdu,
                               .length = length,
                               .logons = logons,
                               .apdus = apdus,
                               .start = &start};
    pthread_create(&threads[i], NULL, run_logons, &storms[i]);
  }
  const double used = processor_ms();
  const double begun = now_ms();
  pthread_barrier_wait(&start);
  for (int i = 0; i < cards; ++i) pthread_join(threads[i], NULL);
  const double ms = now_ms() - begun;
  pthread_barrier_destroy(&start);
  struct phases sum = {0};
  for (int i = 0; i < cards; ++i) {
    sum.reconnect += storms[i].spent.reconnect;
    sum.begin += storms[i].spent.begin;
    sum.transmit += storms[i].spent.transmit;
    sum.end += storms[i].spent.end;
  }
  const double per_logon = 1e3 / (cards * logons);
  printf("{\"ms\":%.4f,\"processorMs\":%.4f,", ms, processor_ms() - used);
  printf("\"us\":{\"reconnect\":%.1f,\"begin\":%.1f,\"transmit\":%.1f,\"end\":%.1f}}\n",
         sum.reconnect * per_logon, sum.begin * per_logon, sum.transmit * per_logon, sum.end * per_logon);
}
