// One client's connection to pcscd: a question, its answer, the next question.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "backend/daemon/protocol.h"
#include "pcsc/status.h"
#include "pcsc/types.h"

namespace pcsc_bridge::daemon {

// Where the daemon listens: PCSCLITE_CSOCK_NAME, or its usual place.
std::string SocketPath();

// One thread at a time. A link that has failed once (the daemon went, or said what cannot be) answers
// everything with SCARD_E_NO_SERVICE from then on.
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();  // the daemon then ends what this client still has, as at SCardReleaseContext

  // Connects to the daemon at this socket and agrees on the protocol: kServiceStopped where it speaks
  // another.
  Status Open(const std::string& socket);
  bool works() const { return fd_ >= 0 && !broken_; }

  // Asks, and waits for the answer, which takes the question's place. The status is the link's own; the
  // daemon's is in the message.
  template <class Message>
  Status Ask(Command command, Message& message) {
    return AskBytes(command, &message, sizeof message);
  }
  Status AskReaderStates(ReaderTable& states);
  // `output` takes what follows the answer; more than it has room for cannot be, and breaks the link.
  Status AskControl(Control& message, const void* input, void* output);

  // Tells what the readers are, and has the daemon tell when that changes: once, until the next question.
  // kUnsupportedFeature where it may do so in the midst of its answer (protocols after 4:5).
  Status Watch(ReaderTable& states);
  // Waits until it has told: not after `until` (kTimeout), nor when the descriptor `cancel` is readable
  // (kCancelled).
  Status AwaitChange(int cancel, std::optional<std::chrono::steady_clock::time_point> until);

  // SCardTransmit in two halves. Sends the command: kServerTooBusy, and nothing sent, where that would have
  // to wait and must not.
  Status SendTransmit(const Transmit& message, const Bytes& apdu, bool may_wait);
  // The daemon's status, with the response where it is a success; nothing while there is more to come. Any
  // other question asked in between waits for the response, and drops it.
  std::optional<Status> ReceiveTransmit(Bytes& response, bool may_wait);
  // A copy of the descriptor, which is readable when there is something for ReceiveTransmit; the caller
  // closes it. Negative where the system has none to give.
  int CopyDescriptor() const;

 private:
  Status AskBytes(Command command, void* message, std::size_t size);
  Status AskTable(Command command, ReaderTable& table);
  Status Send(Command command, const void* message, std::size_t size, const void* data, std::size_t length,
              bool may_wait);
  Status Receive(void* bytes, std::size_t size);
  void StopWatching();
  // An event loop that watches a copy of the descriptor has made both non-blocking.
  void WaitInCalls() const;
  // Gives the link up.
  Status Break();
  // What came of the response so far, and whether that is all of it.
  bool TakeOver(std::size_t length);

  int fd_ = -1;
  bool broken_ = false;
  std::int32_t minor_ = 0;  // the daemon's own protocol
  bool watches_ = false;

  bool transmit_under_way_ = false;
  Transmit answer_;
  std::size_t received_ = 0;  // of the answer and the response behind it
  // The beginning of a response, with most of them the whole.
  std::array<std::uint8_t, 4096> beginning_;
  Bytes response_;
};

}  // namespace pcsc_bridge::daemon
