// The calls that every measurement makes, and the clock.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

char** readers;
int reader_count;
int by_hops;

double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void check(LONG result, const char* what) {
  if (result == SCARD_S_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", what, pcsc_stringify_error(result));
  exit(1);
}

void establish(struct handle* handle) {
  check(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &handle->context), "SCardEstablishContext");
}

void connect_card(struct handle* handle, int reader) {
  DWORD protocol;
  LONG result = SCARD_F_INTERNAL_ERROR;
  // A card that was just inserted is seen at the daemon's next look.
  for (int tries = 0; tries < 1000; ++tries) {
    result = SCardConnect(handle->context, readers[reader], SCARD_SHARE_SHARED,
                          SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &handle->card, &protocol);
    if (result != SCARD_E_NO_SMARTCARD && result != SCARD_W_REMOVED_CARD) break;
    usleep(10000);
  }
  check(result, "SCardConnect");
  handle->protocol = protocol == SCARD_PROTOCOL_T1 ? *SCARD_PCI_T1 : *SCARD_PCI_T0;
}

DWORD transmit(const struct handle* handle, const BYTE* apdu, DWORD length, BYTE* response) {
  DWORD received = kMaxResponse;
  check(SCardTransmit(handle->card, &handle->protocol, apdu, length, NULL, response, &received),
        "SCardTransmit");
  return received;
}

void begin_transaction(const struct handle* handle) {
  check(SCardBeginTransaction(handle->card), "SCardBeginTransaction");
}

void end_transaction(const struct handle* handle, DWORD disposition) {
  check(SCardEndTransaction(handle->card, disposition), "SCardEndTransaction");
}
