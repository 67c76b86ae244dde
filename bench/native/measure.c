#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static void print_samples(const double* milliseconds, int count) {
  printf("{\"us\":[");
  for (int i = 0; i < count; ++i) printf("%s%.2f", i ? "," : "", milliseconds[i] * 1e3);
  printf("]}\n");
}

static void make_call(const struct call* call, BYTE* response) {
  if (!by_hops) {
    call->make(call, response);
    return;
  }
  int card;
  hop_ask(0, call);
  hop_answers(&card);
}

static DWORD make_transmit(const struct call* call, BYTE* response) {
  return transmit(call->handle, call->apdu, call->length, response);
}

void measure_apdu(const struct handle* handle, int count, const BYTE* apdu, DWORD length) {
  static BYTE response[kMaxResponse];
  const struct call call = {make_transmit, handle, apdu, length};
  double* samples = malloc(sizeof(double) * (size_t)count);
  for (int i = 0; i < count; ++i) {
    const double start = now_ms();
    make_call(&call, response);
    samples[i] = now_ms() - start;
  }
  print_samples(samples, count);
  free(samples);
}

static DWORD make_chain(const struct call* call, BYTE* response) {
  static BYTE whole[kMaxResponse];
  DWORD filled = 0;
  BYTE next[] = {0x80, 0xc0, 0, 0, 0};
  DWORD received = transmit(call->handle, call->apdu, call->length, response);
  for (;;) {
    memcpy(whole + filled, response, received - 2);
    filled += received - 2;
    if (response[received - 2] != 0x61) break;
    next[4] = response[received - 1];
    received = transmit(call->handle, next, sizeof next, response);
  }
  memcpy(response, whole, filled);
  return filled;
}

void measure_chain(const struct handle* handle, int count, const BYTE* apdu, DWORD length) {
  static BYTE response[kMaxResponse];
  const struct call call = {make_chain, handle, apdu, length};
  double* samples = malloc(sizeof(double) * (size_t)count);
  begin_transaction(handle);
  for (int i = 0; i < count; ++i) {
    const double start = now_ms();
    make_call(&call, response);
    samples[i] = now_ms() - start;
  }
  end_transaction(handle, SCARD_LEAVE_CARD);
  print_samples(samples, count);
  free(samples);
}

struct task {
  const struct handle* handle;
  const BYTE* apdu;
  DWORD length;
  int count;
  int transaction;
  pthread_barrier_t* start;
};

static void* run_task(void* argument) {
  const struct task* task = argument;
  BYTE* response = malloc(kMaxResponse);
  pthread_barrier_wait(task->start);
  for (int i = 0; i < task->count; ++i) {
    if (task->transaction) begin_transaction(task->handle);
    transmit(task->handle, task->apdu, task->length, response);
    if (task->transaction) end_transaction(task->handle, SCARD_LEAVE_CARD);
  }
  free(response);
  return NULL;
}

// A thread per handle; prints the time from the common start to the end of the last.
static void run_threads(const struct handle* handles, int threads, struct task task) {
  pthread_t ids[kMaxHandles];
  struct task tasks[kMaxHandles];
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
  for (int i = 0; i < threads; ++i) {
    tasks[i] = task;
    tasks[i].handle = &handles[i];
    tasks[i].start = &start;
    pthread_create(&ids[i], NULL, run_task, &tasks[i]);
  }
  const double begun = now_ms();
  pthread_barrier_wait(&start);
  for (int i = 0; i < threads; ++i) pthread_join(ids[i], NULL);
  printf("{\"ms\":%.4f}\n", now_ms() - begun);
  pthread_barrier_destroy(&start);
}

// One event loop that keeps every card's thread busy.
static void run_hops(const struct handle* handles, int cards, int count, const BYTE* apdu, DWORD length) {
  struct call calls[kMaxHandles];
  int left[kMaxHandles];
  int answered[kMaxHandles];
  const double begun = now_ms();
  for (int card = 0; card < cards; ++card) {
    calls[card] = (struct call){make_transmit, &handles[card], apdu, length};
    left[card] = count;
    hop_ask(card, &calls[card]);
  }
  for (int busy = cards; busy > 0;) {
    const int answers = hop_answers(answered);
    for (int i = 0; i < answers; ++i) {
      const int card = answered[i];
      if (--left[card] > 0) {
        hop_ask(card, &calls[card]);
      } else {
        --busy;
      }
    }
  }
  printf("{\"ms\":%.4f}\n", now_ms() - begun);
}

void measure_parallel(const struct handle* handles, int cards, int count, const BYTE* apdu, DWORD length) {
  if (by_hops) {
    run_hops(handles, cards, count, apdu, length);
    return;
  }
  run_threads(handles, cards, (struct task){.apdu = apdu, .length = length, .count = count});
}

void measure_queue(const struct handle* handles, int threads, const BYTE* apdu, DWORD length) {
  run_threads(handles, threads, (struct task){.apdu = apdu, .length = length, .count = 1, .transaction = 1});
}

void measure_transactions(const struct handle* handle, int count, const BYTE* apdu, DWORD length) {
  static BYTE response[kMaxResponse];
  double* samples = malloc(sizeof(double) * (size_t)count);
  for (int i = 0; i < count; ++i) {
    const double start = now_ms();
    begin_transaction(handle);
    transmit(handle, apdu, length, response);
    end_transaction(handle, SCARD_LEAVE_CARD);
    samples[i] = now_ms() - start;
  }
  print_samples(samples, count);
  free(samples);
}

static SCARDCONTEXT watching;
static SCARD_READERSTATE watched;

void watch_start(int reader) {
  check(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &watching), "SCardEstablishContext");
  watched = (SCARD_READERSTATE){.szReader = readers[reader], .dwCurrentState = SCARD_STATE_UNAWARE};
  check(SCardGetStatusChange(watching, 0, &watched, 1), "SCardGetStatusChange");
  watched.dwCurrentState = watched.dwEventState;
}

void watch_next(void) {
  const DWORD before = watched.dwCurrentState & SCARD_STATE_PRESENT;
  do {
    check(SCardGetStatusChange(watching, INFINITE, &watched, 1), "SCardGetStatusChange");
    watched.dwCurrentState = watched.dwEventState;
  } while ((watched.dwEventState & SCARD_STATE_PRESENT) == before);
  printf("{\"at\":%.4f}\n", now_ms());
}
