// The baseline: plain C on libpcsclite, as a program in C would be written. One context and one handle per
// card and thread, because a context serves one thread at a time.
#pragma once

#include <stddef.h>
#include <winscard.h>

enum { kMaxHandles = 64, kMaxResponse = MAX_BUFFER_SIZE_EXTENDED };

struct handle {
  SCARDCONTEXT context;
  SCARDHANDLE card;
  SCARD_IO_REQUEST protocol;
};

// One call on a card; `make` has room for its response, and gives the length.
struct call {
  DWORD (*make)(const struct call* call, BYTE* response);
  const struct handle* handle;
  const BYTE* apdu;
  DWORD length;
};

// The same by way of a thread per card: see hops.c.
extern int by_hops;
// Starts a call on the card's thread.
void hop_ask(int card, const struct call* call);
// Waits for answers; which cards' they are, and how many.
int hop_answers(int* cards);

// Names of the readers, by number, from the command line.
extern char** readers;
extern int reader_count;

double now_ms(void);
// Ends the program with a message: nothing can be measured after a failure.
void check(LONG result, const char* what);

void establish(struct handle* handle);
void connect_card(struct handle* handle, int reader);
// The length of the response.
DWORD transmit(const struct handle* handle, const BYTE* apdu, DWORD length, BYTE* response);
void begin_transaction(const struct handle* handle);
void end_transaction(const struct handle* handle, DWORD disposition);

// Each prints one line of JSON.
void measure_apdu(const struct handle* handle, int count, const BYTE* apdu, DWORD length);
void measure_chain(const struct handle* handle, int count, const BYTE* apdu, DWORD length);
void measure_parallel(const struct handle* handles, int cards, int count, const BYTE* apdu, DWORD length);
void measure_queue(const struct handle* handles, int threads, const BYTE* apdu, DWORD length);
void measure_transactions(const struct handle* handle, int count, const BYTE* apdu, DWORD length);
void measure_storm(struct handle* handles, int cards, int logons, int apdus, const BYTE* apdu, DWORD length);
void watch_start(int reader);
void watch_next(void);
