// cards PORT...: fast virtual cards for vpcd, one process for all of them.
//
// The card's part of a measurement has to be small and the same for everybody: one thread, one epoll, no
// allocation. What a card answers is in the command, so nothing has to be agreed beforehand:
//   80 10 P1 P2 [Le]   P1P2 bytes of data, 90 00
//   80 12 P1 P2 [Le]   P1P2 bytes by GET RESPONSE: 256 at a time, 61 xx, the last with 90 00
//   anything else      6D 00
// Orders come by lines on standard input, each answered by a line of JSON: insert CARD, remove CARD,
// delay CARD MICROSECONDS. Ends with its standard input.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { kMaxCards = 16, kMaxPayload = 0xffff, kPiece = 256 };
enum { kPowerOff = 0, kPowerOn = 1, kReset = 2, kGetAtr = 4 };

static const uint8_t kAtr[] = {0x3b, 0x80, 0x01, 0x81};

struct card {
  int port;
  int socket;  // -1: not inserted
  int timer;   // fires when a delayed answer is due
  long delay_us;
  size_t remaining;  // of a chained response
  size_t filled;     // of `in`
  size_t answer;     // length of the answer in `out`
  uint8_t in[2 + kMaxPayload];
  uint8_t out[2 + kMaxPayload];
};

static struct card cards[kMaxCards];
static int card_count;
static int epoll;

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

// vpcd writes length and payload apart and leaves Nagle's algorithm on: its kernel keeps the payload until we
// have acknowledged the length. The kernel forgets this option again at will.
static void acknowledge_at_once(const struct card* card) {
  const int on = 1;
  setsockopt(card->socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static void take_out(struct card* card) {
  if (card->socket >= 0) close(card->socket);
  card->socket = -1;
  card->filled = 0;
  card->remaining = 0;
  const struct itimerspec never = {0};
  timerfd_settime(card->timer, 0, &never, NULL);
}

static void send_answer(struct card* card) {
  card->out[0] = (uint8_t)(card->answer >> 8);
  card->out[1] = (uint8_t)card->answer;
  const size_t size = card->answer + 2;
  for (size_t sent = 0; sent < size;) {
    const ssize_t part = send(card->socket, card->out + sent, size - sent, MSG_NOSIGNAL);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) {
      take_out(card);
      return;
    }
    sent += (size_t)part;
  }
  acknowledge_at_once(card);
}

static void set_answer(struct card* card, size_t data, uint8_t sw1, uint8_t sw2) {
  for (size_t i = 0; i < data; ++i) card->out[2 + i] = (uint8_t)i;
  card->out[2 + data] = sw1;
  card->out[3 + data] = sw2;
  card->answer = data + 2;
}

static void next_piece(struct card* card) {
  const size_t piece = card->remaining < kPiece ? card->remaining : kPiece;
  card->remaining -= piece;
  if (card->remaining == 0) {
    set_answer(card, piece, 0x90, 0x00);
  } else {
    set_answer(card, piece, 0x61, card->remaining >= kPiece ? 0x00 : (uint8_t)card->remaining);
  }
}

static void on_apdu(struct card* card, const uint8_t* apdu, size_t length) {
  const size_t wanted = length >= 4 ? (size_t)apdu[2] << 8 | apdu[3] : 0;
  if (length >= 4 && apdu[0] == 0x80 && apdu[1] == 0x10 && wanted <= kMaxPayload - 2) {
    set_answer(card, wanted, 0x90, 0x00);
  } else if (length >= 4 && apdu[0] == 0x80 && apdu[1] == 0x12) {
    card->remaining = wanted;
    next_piece(card);
  } else if (length >= 4 && apdu[1] == 0xc0 && card->remaining > 0) {
    next_piece(card);
  } else {
    set_answer(card, 0, 0x6d, 0x00);
  }
  if (card->delay_us == 0) {
    send_answer(card);
    return;
  }
  const struct itimerspec due = {
      .it_value = {.tv_sec = card->delay_us / 1000000, .tv_nsec = card->delay_us % 1000000 * 1000}};
  timerfd_settime(card->timer, 0, &due, NULL);
}

static void on_message(struct card* card, const uint8_t* payload, size_t length) {
  if (length != 1) {
    on_apdu(card, payload, length);
  } else if (payload[0] == kGetAtr) {
    memcpy(card->out + 2, kAtr, sizeof kAtr);
    card->answer = sizeof kAtr;
    send_answer(card);
  } else if (payload[0] == kPowerOff || payload[0] == kPowerOn || payload[0] == kReset) {
    card->remaining = 0;
  }
}

static void on_data(struct card* card) {
  const ssize_t size = recv(card->socket, card->in + card->filled, sizeof card->in - card->filled, 0);
  if (size < 0 && errno == EINTR) return;
  if (size <= 0) {
    take_out(card);
    return;
  }
  card->filled += (size_t)size;
  size_t start = 0;
  while (card->filled - start >= 2) {
    const size_t length = (size_t)card->in[start] << 8 | card->in[start + 1];
    if (card->filled - start - 2 < length) break;
    on_message(card, card->in + start + 2, length);
    if (card->socket < 0) return;
    start += 2 + length;
  }
  card->filled -= start;
  if (start > 0 && card->filled > 0) memmove(card->in, card->in + start, card->filled);
  if (card->filled > 0) acknowledge_at_once(card);
}

static void watch(int descriptor, uint64_t tag) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = tag}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static int insert(struct card* card) {
  take_out(card);
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)card->port),
                                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  if (connect(descriptor, (const struct sockaddr*)&address, sizeof address) != 0) {
    close(descriptor);
    return 0;
  }
  card->socket = descriptor;
  acknowledge_at_once(card);
  watch(descriptor, (uint64_t)(card - cards));
  return 1;
}

static void on_order(const char* line) {
  char order[16] = "";
  int index = -1;
  long value = 0;
  sscanf(line, "%15s %d %ld", order, &index, &value);
  if (index < 0 || index >= card_count) {
    printf("{\"error\":\"no such card\"}\n");
    return;
  }
  struct card* card = &cards[index];
  const double at = now_ms();
  int done = 1;
  if (strcmp(order, "insert") == 0) {
    done = insert(card);
  } else if (strcmp(order, "remove") == 0) {
    take_out(card);
  } else if (strcmp(order, "delay") == 0) {
    card->delay_us = value;
  } else {
    done = 0;
  }
  if (done) {
    printf("{\"at\":%.4f}\n", at);
  } else {
    printf("{\"error\":\"%s\"}\n", errno ? strerror(errno) : "unknown order");
  }
}

// Whole lines only: orders are answered in order.
static int on_input(void) {
  static char buffer[4096];
  static size_t filled;
  const ssize_t size = read(STDIN_FILENO, buffer + filled, sizeof buffer - filled - 1);
  if (size <= 0) return 0;
  filled += (size_t)size;
  buffer[filled] = '\0';
  char* line = buffer;
  for (char* end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = '\0';
    on_order(line);
  }
  filled -= (size_t)(line - buffer);
  memmove(buffer, line, filled);
  fflush(stdout);
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 2 || argc - 1 > kMaxCards) {
    fprintf(stderr, "usage: cards PORT... (1 to %d)\n", kMaxCards);
    return 2;
  }
  epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(STDIN_FILENO, UINT64_MAX);
  card_count = argc - 1;
  for (int i = 0; i < card_count; ++i) {
    cards[i].port = atoi(argv[i + 1]);
    cards[i].socket = -1;
    cards[i].timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(cards[i].timer, (uint64_t)(kMaxCards + i));
  }
  for (;;) {
    struct epoll_event events[16];
    const int count = epoll_wait(epoll, events, 16, -1);
    for (int i = 0; i < count; ++i) {
      const uint64_t tag = events[i].data.u64;
      if (tag == UINT64_MAX) {
        if (!on_input()) return 0;
      } else if (tag >= kMaxCards) {
        struct card* card = &cards[tag - kMaxCards];
        uint64_t expirations;
        const int fired = read(card->timer, &expirations, sizeof expirations) > 0;
        if (fired && card->socket >= 0) send_answer(card);
      } else if (cards[tag].socket >= 0) {
        on_data(&cards[tag]);
      }
    }
  }
}
