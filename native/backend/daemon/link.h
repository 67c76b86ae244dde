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
#include "loop/loop.h"
#include "pcsc/result.h"
#include "pcsc/secret.h"
#include "pcsc/types.h"

namespace pcsc_bridge::daemon {

// Belongs to a loop; every member is called there, and every callback comes there, never within the call that
// takes it. Nothing waits: what the socket does not take at once is sent when it can.
//
// A link that has failed (the daemon went, or sent what cannot be) reports that error for every request from
// then on. Its owner closes or finishes it; no callback comes after that.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(std::shared_ptr<Loop> loop, std::string socket) : loop_(std::move(loop)), socket_(std::move(socket)) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Connects to the daemon and agrees on a protocol. Once, and before any request.
  void Open(std::function<void(Result<Done>)> then);
  // The agreed one.
  std::int32_t minor() const { return minor_; }

  // The message, as long as its request, and the data that followed it. The message is valid during the
  // callback.
  struct Answer {
    const std::uint8_t* message = nullptr;
    Bytes data;
  };
  using Then = std::function<void(Result<Answer>)>;
  template <class Message>
  static Result<Message> Typed(const Result<Answer>& answer) {
    if (!answer) return answer.error();
    Message message;
    std::memcpy(&message, answer.value().message, sizeof message);
    return message;
  }
  // How much data follows a message; no value if it says what cannot be.
  using Follows = std::optional<std::size_t> (*)(const std::uint8_t* message);

  template <class Message, class Callback>
  void Ask(Command command, const Message& message, Callback then) {
    Send(command, &message, sizeof message, nullptr);
    Expect(sizeof message, nullptr,
           [then = std::move(then)](Result<Answer> answer) { then(Typed<Message>(answer)); });
  }
  // The message is followed by `data`, and its answer by the data that goes to the callback.
  template <class Message, class Callback>
  void AskWithData(Command command, const Message& message, const std::shared_ptr<const SecretBytes>& data,
                   Callback then) {
    Send(command, &message, sizeof message, data);
    Expect(sizeof message, &DataOf<Message>, [then = std::move(then)](Result<Answer> answer) {
      then(Typed<Message>(answer), answer ? std::move(answer->data) : Bytes());
    });
  }
  // The readers of the host. Places of the daemon's table that have no reader are left out.
  void AskReaders(std::function<void(Result<ReaderTable>)> then);
  // The same before 4:6, and the daemon sends a ReaderChange at the next change.
  void AskWatchedReaders(std::function<void(Result<ReaderTable>)> then);
  // Requests without a message, then one answer of a fixed size.
  void AskPlain(std::initializer_list<Command> commands, std::size_t size, Then then);
  // One answer more, which no request of its own is sent for.
  void Expect(std::size_t size, Then then) { Expect(size, nullptr, std::move(then)); }
  // The version question once more: whether the daemon is still there.
  void AskAlive(std::function<void(Result<Done>)> then);

  // Every answer that is still to come is dropped, except that to the last request, if `last` takes it.
  void DropAnswers(Then last = nullptr);
  // Lives on by itself until every answer has come, and closes then. `finished`, which may be null, comes on
  // the loop; not if the loop ends before: the process's own loop then takes over what is left.
  void Finish(std::function<void()> finished);
  void Close();

 private:
  enum class State { kNew, kConnecting, kAgreeing, kOpen, kFailed, kClosed };
  struct Question {
    std::size_t size = 0;
    Follows follows = nullptr;
    Then then;
  };
  // What the socket has not taken yet. The data is not copied.
  struct Rest {
    Bytes head;
    std::shared_ptr<const SecretBytes> data;
    std::size_t sent = 0;
  };
  struct Keeper;

  template <class Message>
  static std::optional<std::size_t> DataOf(const std::uint8_t* bytes);

  void Connect();
  void Agree();
  void Agreed(Result<Version> answer);
  void Opened(Result<Done> result);
  void Send(Command command, const void* message, std::size_t size,
            const std::shared_ptr<const SecretBytes>& data);
  // Sends, or keeps what the socket does not take.
  void SendParts(const void* head, std::size_t head_size, const void* message, std::size_t size,
                 const std::shared_ptr<const SecretBytes>& data);
  void SendRest();
  void AskOldTable(Command command, std::function<void(Result<ReaderTable>)> then);
  void Expect(std::size_t size, Follows follows, Then then);
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
  std::function<void(Result<Done>)> opened_;
  std::int32_t minor_ = 0;
  std::int32_t daemon_minor_ = 0;  // the daemon's own
  int offers_ = 0;                 // versions offered so far
  std::string peer_;               // the daemon's name of its socket, once it has closed a connection
  Loop::Duration pause_{};         // before the next connect
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

template <>
std::optional<std::size_t> Link::DataOf<Transmit>(const std::uint8_t* bytes);
template <>
std::optional<std::size_t> Link::DataOf<Control>(const std::uint8_t* bytes);

}  // namespace pcsc_bridge::daemon
