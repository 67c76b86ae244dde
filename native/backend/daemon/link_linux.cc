#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "pcsc/abi.h"
#include "backend/daemon/link.h"

namespace pcsc_bridge::daemon {
namespace {

// The kernel takes so short a message whole or not at all.
constexpr std::size_t kSentAtOnce = 16 * 1024;

// Rounded up: to poll for less would be to look before it is time, again and again.
int MillisecondsUntil(std::chrono::steady_clock::time_point time) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - std::chrono::steady_clock::now());
  return static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count());
}

}  // namespace

std::string SocketPath() {
  const char* const given = secure_getenv("PCSCLITE_CSOCK_NAME");
  return given != nullptr ? given : "/run/pcscd/pcscd.comm";
}

Link::~Link() {
  if (fd_ >= 0) {
    // Whatever copies of it there are: the daemon is to see the end.
    (void)shutdown(fd_, SHUT_RDWR);
    (void)close(fd_);
  }
}

Status Link::Open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return status::kNoService;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return status::kNoMemory;
  while (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno != EINTR) return Break();
  }
  Version version;
  Status code = Ask(Command::kVersion, version);
  // A daemon that refuses a version tells its own, and listens on.
  if (code == status::kSuccess && version.code != status::kSuccess && version.major == kMajor &&
      version.minor == kMinorMuchTheSame) {
    version.code = status::kSuccess;
    code = Ask(Command::kVersion, version);
  }
  if (code != status::kSuccess) return code;
  minor_ = version.minor;
  const bool agreed = version.code == status::kSuccess && version.major == kMajor;
  return agreed ? status::kSuccess : status::kServiceStopped;
}

int Link::CopyDescriptor() const {
  return fcntl(fd_, F_DUPFD_CLOEXEC, 0);
}

Status Link::Break() {
  broken_ = true;
  return status::kNoService;
}

void Link::WaitInCalls() const {
  (void)fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
}

Status Link::Send(Command command, const void* message, std::size_t size, const void* data,
                  std::size_t length, bool may_wait) {
  if (transmit_under_way_) {
    if (!may_wait) return status::kServerTooBusy;
    Bytes late;
    (void)ReceiveTransmit(late, true);
  }
  if (watches_) StopWatching();
  if (!works()) return status::kNoService;
  const Header header{static_cast<std::uint32_t>(size), command};
  // sendmsg only reads them.
  iovec parts[] = {{const_cast<Header*>(&header), sizeof header},
                   {const_cast<void*>(message), size},
                   {const_cast<void*>(data), length}};
  std::size_t left = sizeof header + size + length;
  if (!may_wait && left > kSentAtOnce) return status::kServerTooBusy;
  msghdr whole{};
  whole.msg_iov = parts;
  whole.msg_iovlen = 3;
  while (left > 0) {
    const ssize_t sent = sendmsg(fd_, &whole, MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
    if (sent < 0) {
      if (errno != EINTR && errno != EAGAIN) return Break();
      if (errno == EAGAIN && !may_wait) return status::kServerTooBusy;
      if (errno == EAGAIN) WaitInCalls();
      continue;
    }
    left -= static_cast<std::size_t>(sent);
    if (left > 0 && !may_wait) return Break();
    for (auto passed = static_cast<std::size_t>(sent); passed > 0;) {
      const std::size_t part = std::min(passed, whole.msg_iov->iov_len);
      whole.msg_iov->iov_base = static_cast<char*>(whole.msg_iov->iov_base) + part;
      whole.msg_iov->iov_len -= part;
      passed -= part;
      if (whole.msg_iov->iov_len == 0 && whole.msg_iovlen > 1) {
        ++whole.msg_iov;
        --whole.msg_iovlen;
      }
    }
  }
  return status::kSuccess;
}

Status Link::Receive(void* bytes, std::size_t size) {
  auto* next = static_cast<std::uint8_t*>(bytes);
  while (size > 0) {
    const ssize_t length = recv(fd_, next, size, 0);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) {
      if (errno == EAGAIN) WaitInCalls();
      continue;
    }
    if (length <= 0) return Break();
    next += length;
    size -= static_cast<std::size_t>(length);
  }
  return status::kSuccess;
}

Status Link::AskBytes(Command command, void* message, std::size_t size) {
  const Status sent = Send(command, message, size, nullptr, 0, true);
  return sent == status::kSuccess ? Receive(message, size) : sent;
}

Status Link::AskTable(Command command, ReaderTable& table) {
  const Status asked = AskBytes(command, nullptr, 0);
  return asked == status::kSuccess ? Receive(table.data(), sizeof table) : asked;
}

Status Link::AskReaderStates(ReaderTable& states) {
  return AskTable(Command::kReaderStates, states);
}

Status Link::Watch(ReaderTable& states) {
  if (minor_ > kMinorMuchTheSame) return status::kUnsupportedFeature;
  const Status code = AskTable(Command::kWatchReaders, states);
  watches_ = code == status::kSuccess;
  return code;
}

Status Link::AwaitChange(int cancel, std::optional<std::chrono::steady_clock::time_point> until) {
  pollfd ready[] = {{fd_, POLLIN, 0}, {cancel, POLLIN, 0}};
  for (;;) {
    const int count = poll(ready, 2, until ? MillisecondsUntil(*until) : -1);
    if (count < 0 && errno != EINTR) return Break();
    if (count < 0) continue;
    if (count == 0) return status::kTimeout;
    if (ready[1].revents != 0) return status::kCancelled;
    watches_ = false;
    ReaderChange change;
    const Status code = Receive(&change, sizeof change);
    return code == status::kSuccess ? change.code : code;
  }
}

// The daemon tells of a change or that it will not any more: never both.
void Link::StopWatching() {
  watches_ = false;
  if (Send(Command::kStopWatching, nullptr, 0, nullptr, 0, true) != status::kSuccess) return;
  ReaderChange change;
  (void)Receive(&change, sizeof change);
}

Status Link::AskControl(Control& message, const void* input, void* output) {
  const std::uint32_t room = message.receive_size;
  Status code = Send(Command::kControl, &message, sizeof message, input, message.send_length, true);
  if (code == status::kSuccess) code = Receive(&message, sizeof message);
  if (code != status::kSuccess || message.code != status::kSuccess) return code;
  // The daemon knows what room there is: more than that cannot be.
  if (message.returned > room) return Break();
  return Receive(output, message.returned);
}

Status Link::SendTransmit(const Transmit& message, const Bytes& apdu, bool may_wait) {
  const Status sent = Send(Command::kTransmit, &message, sizeof message, apdu.data(), apdu.size(), may_wait);
  if (sent != status::kSuccess) return sent;
  transmit_under_way_ = true;
  received_ = 0;
  return status::kSuccess;
}

std::optional<Status> Link::ReceiveTransmit(Bytes& response, bool may_wait) {
  while (transmit_under_way_) {
    if (broken_) break;
    iovec parts[2];
    std::size_t count = 0;
    if (received_ < sizeof answer_) {
      parts[count++] = {reinterpret_cast<char*>(&answer_) + received_, sizeof answer_ - received_};
      parts[count++] = {beginning_.data(), beginning_.size()};
    } else if (!response_.empty()) {
      const std::size_t so_far = received_ - sizeof answer_;
      parts[count++] = {response_.data() + so_far, response_.size() - so_far};
    } else {
      const std::size_t so_far = received_ - sizeof answer_;
      parts[count++] = {beginning_.data() + so_far, beginning_.size() - so_far};
    }
    msghdr whole{};
    whole.msg_iov = parts;
    whole.msg_iovlen = count;
    const ssize_t length = recvmsg(fd_, &whole, may_wait ? 0 : MSG_DONTWAIT);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) {
      if (errno == EAGAIN && !may_wait) return std::nullopt;
      if (errno == EAGAIN) WaitInCalls();
      continue;
    }
    if (length <= 0) {
      (void)Break();
      break;
    }
    if (!TakeOver(static_cast<std::size_t>(length))) {
      // The response comes a moment after the answer: no use looking now.
      if (!may_wait && !broken_ && received_ == sizeof answer_) return std::nullopt;
      continue;
    }
    transmit_under_way_ = false;
    response = std::move(response_);
    response_ = Bytes();
    return answer_.code;
  }
  transmit_under_way_ = false;
  response_ = Bytes();
  return Break();
}

bool Link::TakeOver(std::size_t length) {
  received_ += length;
  if (received_ < sizeof answer_) return false;
  const std::size_t so_far = received_ - sizeof answer_;
  const std::size_t all = answer_.code == status::kSuccess ? answer_.receive_length : 0;
  if (all > abi::kMaxExtendedBuffer || so_far > all) {
    (void)Break();
    return false;
  }
  if (response_.empty() && (so_far == all || so_far == beginning_.size())) {
    response_.resize(all);
    std::copy_n(beginning_.data(), so_far, response_.data());
  }
  return so_far == all;
}

}  // namespace pcsc_bridge::daemon
