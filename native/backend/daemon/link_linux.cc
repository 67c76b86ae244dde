#include "backend/daemon/link.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "backend/daemon/versions.h"
#include "pcsc/abi.h"

namespace pcsc_bridge::daemon {
namespace {

using std::chrono::milliseconds;

// A daemon may close a connection because it ends, and refuse a version because it was replaced: enough for
// both, and for the connection that follows when the version was found out.
constexpr int kMostOffers = 3;
constexpr milliseconds kFirstPause{1};
constexpr milliseconds kLongestPause{20};
// More readers than a host can have.
constexpr std::int32_t kMostPlaces = 10'000;

Error DaemonWent() {
  return Error{status::kNoService, "", "", "pcscd has closed the connection, perhaps because it was stopped"};
}

Error ImpossibleAnswer() {
  return Error{status::kCommError, "", "", "pcscd has sent an answer that its protocol does not have"};
}

std::optional<std::size_t> SizeOfTable(const std::uint8_t* bytes) {
  std::int32_t places = 0;
  std::memcpy(&places, bytes, sizeof places);
  if (places < 0 || places > kMostPlaces) return std::nullopt;
  return static_cast<std::size_t>(places) * sizeof(ReaderState);
}

ReaderTable TableIn(const std::uint8_t* bytes, std::size_t size) {
  ReaderTable table(size / sizeof(ReaderState));
  if (!table.empty()) std::memcpy(table.data(), bytes, table.size() * sizeof(ReaderState));
  table.erase(
      std::remove_if(table.begin(), table.end(), [](const ReaderState& one) { return NameOf(one).empty(); }),
      table.end());
  return table;
}

}  // namespace

// Keeps a link that finishes. A loop that ends drops it.
struct Link::Keeper {
  explicit Keeper(std::shared_ptr<Link> kept) : link(std::move(kept)) {}
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    if (link->descriptor_) link->MoveToProcessLoop();
  }
  const std::shared_ptr<Link> link;
};

template <>
std::optional<std::size_t> Link::DataOf<Transmit>(const std::uint8_t* bytes) {
  Transmit message;
  std::memcpy(&message, bytes, sizeof message);
  if (message.code != status::kSuccess) return 0;
  if (message.receive_length > abi::kMaxExtendedBuffer) return std::nullopt;
  return message.receive_length;
}

template <>
std::optional<std::size_t> Link::DataOf<Control>(const std::uint8_t* bytes) {
  Control message;
  std::memcpy(&message, bytes, sizeof message);
  if (message.code != status::kSuccess) return 0;
  if (message.returned > message.receive_size) return std::nullopt;
  return message.returned;
}

Link::~Link() {
  Close();
}

// --- Opening ---

void Link::Open(std::function<void(Result<Done>)> then) {
  opened_ = std::move(then);
  minor_ = MinorToOffer(socket_);
  Connect();
}

void Link::Connect() {
  state_ = State::kConnecting;
  Result<std::optional<Descriptor>> connected = ConnectTo(socket_);
  if (connected && !connected->has_value()) {
    pause_ = std::clamp<Loop::Duration>(pause_ * 2, kFirstPause, kLongestPause);
    timer_ = loop_->After(pause_, [this] { Connect(); });
    return;
  }
  if (connected) {
    descriptor_ = std::move(**connected);
    if (loop_->Add(descriptor_.number(), [weak = weak_from_this()] {
          if (const std::shared_ptr<Link> self = weak.lock()) self->OnReady();
        })) {
      return Agree();
    }
    descriptor_.Close();
    connected = Error{status::kNoMemory, "epoll_ctl", "", "the system has no memory to watch a connection"};
  }
  timer_ = loop_->After(Loop::Duration::zero(), [this, error = connected.error()] { Opened(error); });
}

void Link::Agree() {
  state_ = State::kAgreeing;
  ++offers_;
  Version version;
  version.minor = minor_;
  Ask(Command::kVersion, version, [this](Result<Version> answer) { Agreed(std::move(answer)); });
}

void Link::Agreed(Result<Version> answer) {
  if (!answer) {
    if (offers_ < kMostOffers) return Connect();
    return Opened(ClosedUnanswered(peer_.empty() ? socket_ : peer_));
  }
  const std::int32_t nearest = NearestMinor(answer->minor);
  daemon_minor_ = answer->minor;
  if (answer->major != kMajor || answer->minor < kOldestMinor) return Opened(ProtocolMismatch(*answer));
  if (answer->code != status::kSuccess) {
    if (nearest != answer->minor || nearest == minor_ || offers_ == kMostOffers) {
      return Opened(ProtocolMismatch(*answer));
    }
    RememberMinor(socket_, nearest);
    minor_ = nearest;
    return Agree();
  }
  RememberMinor(socket_, nearest);
  if (nearest >= kMinorOfAnyTable && minor_ < kMinorOfAnyTable && offers_ < kMostOffers) {
    // This connection stays one of the older protocol.
    minor_ = nearest;
    Disconnect();
    return Connect();
  }
  Opened(Done{});
}

void Link::Opened(Result<Done> result) {
  const std::shared_ptr<Link> self = shared_from_this();
  state_ = result ? State::kOpen : State::kFailed;
  if (!result) {
    error_ = result.error();
    Disconnect();
  }
  if (const auto then = std::exchange(opened_, nullptr)) then(std::move(result));
}

// --- Requests ---

void Link::Send(Command command, const void* message, std::size_t size,
                const std::shared_ptr<const SecretBytes>& data) {
  const Header header{static_cast<std::uint32_t>(size), command};
  SendParts(&header, sizeof header, message, size, data);
}

void Link::SendParts(const void* head, std::size_t head_size, const void* message, std::size_t size,
                     const std::shared_ptr<const SecretBytes>& data) {
  if (!descriptor_) return;
  std::size_t sent = 0;
  if (rest_.empty()) {
    // sendmsg only reads them.
    iovec parts[] = {
        {const_cast<void*>(head), head_size},
        {const_cast<void*>(message), size},
        {data ? const_cast<std::uint8_t*>(data->bytes().data()) : nullptr, data ? data->bytes().size() : 0}};
    msghdr whole{};
    whole.msg_iov = parts;
    whole.msg_iovlen = 3;
    const ssize_t taken = sendmsg(descriptor_.number(), &whole, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken >= 0) sent = static_cast<std::size_t>(taken);
    if (sent == head_size + size + (data ? data->bytes().size() : 0)) return;
    loop_->WantWritable(descriptor_.number(), true);
  }
  Rest& rest = rest_.emplace_back();
  const auto* const first = static_cast<const std::uint8_t*>(head);
  const auto* const second = static_cast<const std::uint8_t*>(message);
  rest.head.assign(first, first + head_size);
  rest.head.insert(rest.head.end(), second, second + size);
  rest.data = data;
  rest.sent = sent;
}

void Link::SendRest() {
  while (!rest_.empty()) {
    Rest& rest = rest_.front();
    const std::size_t head_size = rest.head.size();
    const std::size_t all = head_size + (rest.data ? rest.data->bytes().size() : 0);
    while (rest.sent < all) {
      const std::uint8_t* const from = rest.sent < head_size
                                           ? rest.head.data() + rest.sent
                                           : rest.data->bytes().data() + (rest.sent - head_size);
      const std::size_t length = (rest.sent < head_size ? head_size : all) - rest.sent;
      const ssize_t taken = send(descriptor_.number(), from, length, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (taken < 0 && errno == EINTR) continue;
      if (taken < 0 && errno == EAGAIN) return;
      // The daemon went; what it has sent before is still to be read.
      if (taken < 0) rest.sent = all;
      if (taken > 0) rest.sent += static_cast<std::size_t>(taken);
    }
    rest_.pop_front();
  }
  loop_->WantWritable(descriptor_.number(), false);
}

void Link::Expect(std::size_t size, Follows follows, Then then) {
  questions_.push_back(Question{size, follows, std::move(then)});
  if (state_ == State::kFailed) {
    timer_ = loop_->After(Loop::Duration::zero(), [this] { DeliverFailure(); });
  }
}

void Link::AskPlain(std::initializer_list<Command> commands, std::size_t size, Then then) {
  std::array<Header, 2> headers;
  std::transform(commands.begin(), commands.end(), headers.begin(), [](Command command) {
    return Header{0, command};
  });
  SendParts(headers.data(), commands.size() * sizeof(Header), nullptr, 0, nullptr);
  Expect(size, nullptr, std::move(then));
}

void Link::AskOldTable(Command command, std::function<void(Result<ReaderTable>)> then) {
  constexpr std::size_t kSize = kOldTableSize * sizeof(ReaderState);
  AskPlain({command}, kSize, [then = std::move(then)](Result<Answer> answer) {
    then(answer ? Result<ReaderTable>(TableIn(answer->message, kSize)) : answer.error());
  });
}

void Link::AskWatchedReaders(std::function<void(Result<ReaderTable>)> then) {
  AskOldTable(Command::kWatchReaders, std::move(then));
}

void Link::AskReaders(std::function<void(Result<ReaderTable>)> then) {
  if (minor_ < kMinorOfAnyTable) return AskOldTable(Command::kReaderStates, std::move(then));
  const Header headers[] = {{0, Command::kReaderTableSize}, {0, Command::kReaderTable}};
  SendParts(headers, sizeof headers, nullptr, 0, nullptr);
  Expect(sizeof(std::int32_t), &SizeOfTable, [then = std::move(then)](Result<Answer> answer) {
    then(answer ? Result<ReaderTable>(TableIn(answer->data.data(), answer->data.size())) : answer.error());
  });
}

void Link::AskAlive(std::function<void(Result<Done>)> then) {
  Version version;
  version.minor = daemon_minor_;  // the one offer that a daemon does not log
  Ask(Command::kVersion, version, [then = std::move(then)](const Result<Version>& answer) {
    then(answer ? Result<Done>(Done{}) : answer.error());
  });
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
    // Most of the time that was all: no use looking again.
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
  const std::size_t size = questions_.front().size;
  if (come < size || data_come_ < data_.size()) return false;
  const std::uint8_t* const message = buffer_.data() + begin_;
  std::size_t taken = size;
  Bytes data = std::exchange(data_, {});
  if (std::exchange(data_come_, 0) == 0) {
    const Follows follows = questions_.front().follows;
    const std::optional<std::size_t> length = follows != nullptr ? follows(message) : 0;
    if (!length) {
      Fail(ImpossibleAnswer());
      return false;
    }
    const std::size_t so_far = std::min(come - size, *length);
    if (so_far < *length && size + *length <= buffer_.size()) return false;
    data.assign(message + size, message + size + so_far);
    if (so_far < *length) {
      data.resize(*length);
      data_ = std::move(data);
      data_come_ = so_far;
      end_ = begin_ + size;
      return false;
    }
    taken += so_far;
  }
  const Question question = std::move(questions_.front());
  questions_.pop_front();
  begin_ += taken;
  if (question.then) question.then(Answer{message, std::move(data)});
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
  // The task that goes may be this link's keeper, which sees that there is nothing left.
  const Descriptor descriptor = std::move(descriptor_);
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
