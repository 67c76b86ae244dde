#include "backend/daemon/link.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace pcsc_bridge::daemon {
namespace {

Error DaemonWent() {
  return Error{status::kNoService, "", "", "pcscd has closed the connection, perhaps because it was stopped"};
}

Error ImpossibleAnswer() {
  return Error{status::kCommError, "", "", "pcscd has sent an answer that its protocol does not have"};
}

}  // namespace

// Keeps a finishing link alive. A loop that ends drops it.
struct Link::Keeper {
  explicit Keeper(std::shared_ptr<Link> kept) : link(std::move(kept)) {}
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    if (link->descriptor_) link->MoveToProcessLoop();
  }
  const std::shared_ptr<Link> link;
};

Link::~Link() {
  Close();
}

// --- Requests ---

void Link::Send(const void* request, std::size_t size, const std::shared_ptr<const SecretBytes>& data) {
  if (!descriptor_) return;
  const auto* const head = static_cast<const std::uint8_t*>(request);
  std::size_t sent = 0;
  if (rest_.empty()) {
    if (SendPart(head, size, data.get(), sent)) return;
    loop_->WantWritable(descriptor_.number(), true);
  }
  rest_.push_back(Rest{Bytes(head, head + size), data, sent});
}

void Link::AskPlain(std::initializer_list<Command> commands, const Form& form, Then then) {
  std::array<Header, 2> headers;
  std::transform(commands.begin(), commands.end(), headers.begin(), [](Command command) {
    return Header{0, command};
  });
  Send(headers.data(), commands.size() * sizeof(Header), nullptr);
  Expect(form, std::move(then));
}

void Link::SendRest() {
  while (!rest_.empty()) {
    Rest& rest = rest_.front();
    if (!SendPart(rest.head.data(), rest.head.size(), rest.data.get(), rest.sent)) return;
    rest_.pop_front();
  }
  loop_->WantWritable(descriptor_.number(), false);
}

bool Link::SendPart(const std::uint8_t* head, std::size_t head_size, const SecretBytes* data,
                    std::size_t& sent) {
  const std::size_t data_size = data != nullptr ? data->bytes().size() : 0;
  while (sent < head_size + data_size) {
    const std::size_t of_head = std::min(sent, head_size);
    const std::size_t of_data = sent - of_head;
    // sendmsg only reads them.
    iovec parts[] = {{const_cast<std::uint8_t*>(head) + of_head, head_size - of_head},
                     {data_size > 0 ? const_cast<std::uint8_t*>(data->bytes().data()) + of_data : nullptr,
                      data_size - of_data}};
    msghdr whole{};
    whole.msg_iov = parts;
    whole.msg_iovlen = std::size(parts);
    const ssize_t taken = sendmsg(descriptor_.number(), &whole, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken >= 0) {
      sent += static_cast<std::size_t>(taken);
    } else if (errno != EINTR) {
      // If the socket is not full, the daemon has stopped; data that it sent before must still be read.
      return errno != EAGAIN;
    }
  }
  return true;
}

void Link::Expect(const Form& form, Then then) {
  questions_.push_back(Question{&form, std::move(then)});
  if (state_ == State::kFailed) {
    timer_ = loop_->After(Loop::Duration::zero(), [this] { DeliverFailure(); });
  }
}

void Link::AskReaders(Then then) {
  if (minor_ < kMinorOfAnyTable) return AskPlain({Command::kReaderStates}, kOldTable, std::move(then));
  AskPlain({Command::kReaderTableSize, Command::kReaderTable}, kTable, std::move(then));
}

void Link::AskAlive(Then then) {
  Ask(Command::kVersion, daemon_, std::move(then));  // the one offer that a daemon does not log
}

// --- Answers ---

void Link::OnReady() {
  const std::shared_ptr<Link> self = shared_from_this();
  if (!rest_.empty()) SendRest();
  Receive();
  EndIfFinished();
}

void Link::Receive() {
  while (descriptor_) {
    const bool is_long = !data_.empty();
    std::uint8_t* const to = is_long ? data_.data() + data_come_ : buffer_.data() + end_;
    const std::size_t room = is_long ? data_.size() - data_come_ : buffer_.size() - end_;
    const ssize_t length = recv(descriptor_.number(), to, room, MSG_DONTWAIT);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) return Fail(DaemonWent());
    (is_long ? data_come_ : end_) += static_cast<std::size_t>(length);
    TakeAnswers();
    // Usually that was all, so another read is unnecessary.
    if (static_cast<std::size_t>(length) < room) return;
  }
}

void Link::TakeAnswers() {
  while (descriptor_ && TakeAnswer()) {
  }
  std::copy(buffer_.begin() + begin_, buffer_.begin() + end_, buffer_.begin());
  end_ -= std::exchange(begin_, 0);
}

bool Link::TakeAnswer() {
  const std::size_t come = end_ - begin_;
  if (questions_.empty()) {
    if (come > 0) Fail(ImpossibleAnswer());
    return false;
  }
  const Form& form = *questions_.front().form;
  if (come < form.size) return false;
  const std::uint8_t* const message = buffer_.data() + begin_;
  const auto [code, length] = form.read(message);
  if (length > form.most) {
    Fail(ImpossibleAnswer());
    return false;
  }
  const std::size_t so_far = std::min(come - form.size, length);
  if (data_.empty()) {
    if (so_far < length && form.size + length <= buffer_.size()) return false;
    data_.assign(message + form.size, message + form.size + so_far);
    data_come_ = so_far;
    if (so_far < length) {
      data_.resize(length);  // the rest is received in its place
      end_ = begin_ + form.size;
    }
  }
  if (data_come_ < length) return false;
  begin_ += form.size + so_far;
  const Then then = std::move(questions_.front().then);
  questions_.pop_front();
  data_come_ = 0;
  Bytes data = std::exchange(data_, {});
  if (then) then(Answer{code, message, std::move(data)});
  return true;
}

void Link::Fail(Error error) {
  if (state_ == State::kAgreeing) peer_ = PathOfPeer(descriptor_);
  state_ = State::kFailed;
  error_ = std::move(error);
  Disconnect();
  DeliverFailure();
}

void Link::DeliverFailure() {
  const std::shared_ptr<Link> self = shared_from_this();
  for (Question& question : std::exchange(questions_, {})) {
    if (state_ == State::kClosed) return;
    if (question.then) question.then(error_);
  }
  EndIfFinished();
}

// --- The end ---

void Link::Disconnect() {
  if (!descriptor_) return;
  // The destroyed task may be this link's keeper, which then has no work left.
  const Descriptor descriptor = std::move(descriptor_);
  counted_ = {};
  loop_->Remove(descriptor.number());
  rest_.clear();
  data_.clear();
  data_come_ = begin_ = end_ = 0;
}

void Link::Close() {
  state_ = State::kClosed;
  timer_.Stop();
  opened_ = nullptr;
  questions_.clear();
  Disconnect();
}

void Link::DropAnswers(Then last) {
  for (Question& question : questions_) question.then = nullptr;
  if (!questions_.empty()) questions_.back().then = std::move(last);
}

void Link::Finish(std::function<void()> finished) {
  if (!descriptor_ || questions_.empty()) {
    Close();
    if (finished) loop_->Post(std::move(finished));
    return;
  }
  finishing_ = true;
  finished_ = std::move(finished);
  loop_->Remove(descriptor_.number());
  KeepItself();
}

void Link::KeepItself() {
  const int descriptor = descriptor_.number();
  const auto keeper = std::make_shared<Keeper>(shared_from_this());
  if (loop_->Add(descriptor, [keeper] { keeper->link->OnReady(); }) && !rest_.empty()) {
    loop_->WantWritable(descriptor, true);
  }
}

void Link::MoveToProcessLoop() {
  finished_ = nullptr;
  const std::shared_ptr<Loop> loop = Loop::OfProcess();
  if (!loop || loop == loop_) return Close();
  timer_.Stop();  // it belongs to the loop that ends
  loop_ = loop;
  loop_->Post([self = shared_from_this()] { self->KeepItself(); });
}

void Link::EndIfFinished() {
  if (!finishing_ || !questions_.empty()) return;
  finishing_ = false;
  Close();
  if (const auto finished = std::exchange(finished_, nullptr)) finished();
}

}  // namespace pcsc_bridge::daemon
