// client [--hops] READER...: takes orders by lines on standard input and answers each with a line of JSON.
// --hops: apdu, chain and parallel go by way of an event loop and a thread per card (hops.c).
//   open COUNT            connects the first COUNT readers' cards, one context each
//   apdu CARD COUNT HEX   COUNT times the same command, one after another
//   chain CARD COUNT HEX  COUNT times a command and its GET RESPONSEs, in a transaction
//   parallel CARDS COUNT HEX   COUNT commands to each of the first CARDS cards, a thread per card
//   queue THREADS HEX     begin, transmit, end on reader 0, THREADS threads at once
//   transactions CARD COUNT HEX   COUNT times begin, transmit, end
//   storm CARDS LOGONS APDUS HEX   LOGONS times reconnect, begin, APDUS commands, end with a reset,
//                         a thread per card
//   begin CARD, end CARD  a transaction
//   watch READER, next    time stamps of cards coming and going
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct handle cards[16];
static int cards_open;
static struct handle queue[kMaxHandles];
static int queue_open;

static DWORD from_hex(const char* hex, BYTE* bytes) {
  DWORD length = 0;
  for (; hex[0] && hex[1]; hex += 2) {
    const char digits[3] = {hex[0], hex[1], '\0'};
    bytes[length++] = (BYTE)strtoul(digits, NULL, 16);
  }
  return length;
}

static void open_cards(int count) {
  for (; cards_open < count; ++cards_open) {
    establish(&cards[cards_open]);
    connect_card(&cards[cards_open], cards_open);
  }
}

static void open_queue(int count) {
  for (; queue_open < count; ++queue_open) {
    establish(&queue[queue_open]);
    connect_card(&queue[queue_open], 0);
  }
}

static int obey(char* line) {
  char order[16] = "";
  char hex[64] = "";
  int a = 0;
  int b = 0;
  sscanf(line, "%15s", order);
  BYTE apdu[32];
  DWORD length = 0;
  const char* last = strrchr(line, ' ');
  if (last != NULL && strlen(last + 1) < sizeof hex) length = from_hex(strcpy(hex, last + 1), apdu);
  sscanf(line, "%*s %d %d", &a, &b);
  if (a < 0 || a >= kMaxHandles) return 0;
  if (strcmp(order, "open") == 0) {
    open_cards(a);
    printf("{}\n");
  } else if (strcmp(order, "apdu") == 0) {
    measure_apdu(&cards[a], b, apdu, length);
  } else if (strcmp(order, "chain") == 0) {
    measure_chain(&cards[a], b, apdu, length);
  } else if (strcmp(order, "parallel") == 0) {
    measure_parallel(cards, a, b, apdu, length);
  } else if (strcmp(order, "queue") == 0) {
    open_queue(a);
    measure_queue(queue, a, apdu, length);
  } else if (strcmp(order, "transactions") == 0) {
    measure_transactions(&cards[a], b, apdu, length);
  } else if (strcmp(order, "storm") == 0) {
    int apdus = 0;
    sscanf(line, "%*s %*d %*d %d", &apdus);
    measure_storm(cards, a, b, apdus, apdu, length);
  } else if (strcmp(order, "begin") == 0) {
    begin_transaction(&cards[a]);
    printf("{\"at\":%.4f}\n", now_ms());
  } else if (strcmp(order, "end") == 0) {
    const double at = now_ms();
    end_transaction(&cards[a], SCARD_LEAVE_CARD);
    printf("{\"at\":%.4f}\n", at);
  } else if (strcmp(order, "watch") == 0) {
    watch_start(a);
    printf("{}\n");
  } else if (strcmp(order, "next") == 0) {
    watch_next();
  } else {
    return 0;
  }
  return 1;
}

int main(int argc, char** argv) {
  by_hops = argc > 1 && strcmp(argv[1], "--hops") == 0;
  readers = argv + 1 + by_hops;
  reader_count = argc - 1 - by_hops;
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (!obey(line)) {
      fprintf(stderr, "cannot do: %s\n", line);
      return 2;
    }
    fflush(stdout);
  }
  return 0;
}
