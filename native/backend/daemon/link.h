// One connection to pcscd: requests, and their answers in the same order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "backend/daemon/protocol.h"
#include "backend/daemon/socket.h"
#include "backend/usage.h"
#include "loop/loop.h"
#include "pcsc/result.h"
#include "pcsc/secret.h"
#include "pcsc/types.h"

namespace pcsc_bridge::daemon {

// Belongs to a loop; every member and every callback is called there, no callback within the call that
// takes it. Nothing waits: data that the socket does not accept at once is sent later.
//
// A link that has failed (the daemon stopped, or sent an invalid answer) reports that error for every
// request from then on. Its owner closes or finishes it; no callback is called after that.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<Loop> loop, std::string socket) : loop_(std::move(loop)), socket_(std::move(socket)) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The message is valid during the callback.
  struct Answer {
    Status code = status::kSuccess;
    const std::uint8_t* message = nullptr;
    Bytes data{};  // what followed the message

    template <class Message>
    Message As() const {
      Message as;
      std::memcpy(&as, message, sizeof as);
      return as;
    }
  };
  using Then = std::function<void(Result<Answer>&&)>;

  // Connects to the daemon and negotiates a protocol; the answer has no message. Once, and before any
  // request.
  void Open(Then then);
  // The minor version of the agreed protocol.
  std::int32_t minor() const { return minor_; }
  // The version that the daemon has reported; zeros if it has reported none.
  const Version& daemon() const { return daemon_; }

  // The message, followed by `data`, which may be null. The answer is a message of the same kind.
  template <class Message>
  void Ask(Command command, const Message& message, Then then,
           const std::shared_ptr<const SecretBytes>& data = nullptr) {
    const struct {
      Header header;
      Message message;
    } request{{sizeof message, command}, message};
    static_assert(sizeof request == sizeof(Header) + sizeof message);
    Send(&request, sizeof request, data);
    Expect(kFormOf<Message>, std::move(then));
  }
  // Requests without a message, then one answer.
  void AskPlain(std::initializer_list<Command> commands, const Form& form, Then then);
  // Expects one more answer, without a request.
  void Expect(const Form& form, Then then);
  // The readers of the host: the answer's data is for TableIn.
  void AskReaders(Then then);
  // Sends the version request again: checks whether the daemon still runs.
  void AskAlive(Then then);

  // Drops every pending answer, except that to the last request if `last` takes it.
  void DropAnswers(Then last = nullptr);
  // Keeps itself alive until every answer has come, and then closes. `finished`, which may be null, is
  // called on the loop; not if the loop ends before: the process's own loop then takes over the rest.
  void Finish(std::function<void()> finished);
  void Close();

 private:
  enum class State { kNew, kConnecting, kAgreeing, kOpen, kFailed, kClosed };
  struct Question {
    const Form* form;
    Then then;
  };
  // Data that the socket has not accepted yet. The data is not copied.
  struct Rest {
    Bytes head;
    std::shared_ptr<const SecretBytes> data;
    std::size_t sent = 0;
  };
  struct Keeper;

  // Opening: opening_linux.cc.
  void Connect();
  void Agree();
  void Agreed(const Result<Answer>& answer);
  void Opened(Result<Answer> result);

  // Sends, or keeps what the socket does not accept.
  void Send(const void* request, std::size_t size, const std::shared_ptr<const SecretBytes>& data);
  void SendRest();
  // Sends the rest of a request as far as the socket accepts it; true if nothing is left.
  bool SendPart(const std::uint8_t* head, std::size_t head_size, const SecretBytes* data, std::size_t& sent);
  void OnReady();
  void Receive();
  void TakeAnswers();
  bool TakeAnswer();  // false if the first one has not come whole
  void Fail(Error error);
  void DeliverFailure();
  void Disconnect();
  void KeepItself();
  void MoveToProcessLoop();
  void EndIfFinished();

  std::shared_ptr<Loop> loop_;
  const std::string socket_;
  State state_ = State::kNew;
  Descriptor descriptor_;
  backend::ContextInUse counted_;  // while there is a descriptor
  Then opened_;
  std::int32_t minor_ = 0;
  Version daemon_{0, 0};
  int offers_ = 0;          // versions offered so far
  std::string peer_;        // the daemon's name of its socket, once it has closed a connection
  Loop::Duration pause_{};  // before the next connect
  Loop::Timer timer_;
  Error error_;

  std::deque<Rest> rest_;
  std::deque<Question> questions_;
  std::array<std::uint8_t, 4096> buffer_;
  std::size_t begin_ = 0;  // of what has come and was not taken
  std::size_t end_ = 0;
  // Of an answer that does not fit in the buffer; its message is at the buffer's beginning.
  Bytes data_;
  std::size_t data_come_ = 0;

  bool finishing_ = false;
  std::function<void()> finished_;
};

}  // namespace pcsc_bridge::daemon
