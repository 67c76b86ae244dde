#include "scripted_daemon.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "backend/daemon/link.h"

namespace pcsc_bridge::fuzz {
namespace {

using daemon::Command;
using daemon::Descriptor;
using daemon::Header;

constexpr int kMostRounds = 512;
constexpr std::size_t kMostLinks = 8;

template <class Value>
void Append(Bytes& bytes, const Value& value) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

template <class Message>
void Overwrite(Bytes& bytes, const Message& message) {
  std::memcpy(bytes.data(), &message, sizeof message);
}

template <class Message>
Message As(const Bytes& bytes) {
  Require(bytes.size() == sizeof(Message), "a request has the size of its message");
  Message message;
  std::memcpy(&message, bytes.data(), sizeof message);
  return message;
}

// Length of the data after the message of this request.
std::size_t DataAfter(Command command, const Bytes& message) {
  if (command == Command::kTransmit) return As<daemon::Transmit>(message).send_length;
  if (command == Command::kControl) return As<daemon::Control>(message).send_length;
  return 0;
}

// Length of the data that this response announces; none if it is of another kind.
std::optional<std::size_t> Announced(Command command, const Bytes& answer) {
  if (command == Command::kTransmit) return daemon::Read(As<daemon::Transmit>(answer)).data;
  if (command == Command::kControl) return daemon::Read(As<daemon::Control>(answer)).data;
  return std::nullopt;
}

}  // namespace

ScriptedDaemon::ScriptedDaemon() {
  std::string name = (std::filesystem::temp_directory_path() / "pcsc-bridge-fuzz-XXXXXX").string();
  Require(mkdtemp(name.data()) != nullptr, "there is a temporary directory");
  directory_ = name;
  path_ = directory_ / "pcscd.comm";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Require(path_.size() < sizeof address.sun_path, "the temporary directory's path is short");
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  listening_ = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  Require(bind(listening_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
              listen(listening_.number(), 16) == 0,
          "the system gives a socket to listen on");
}

ScriptedDaemon::~ScriptedDaemon() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void ScriptedDaemon::Speak(const std::shared_ptr<Loop>& loop, std::int32_t minor) {
  const auto link = std::make_shared<daemon::Link>(loop, path_);
  link->Open([](const Result<daemon::Link::Answer>&) {});
  Require(Accept(), "a link connects at once");
  daemon::Version version;
  version.minor = minor;
  Append(links_.back().unsent, version);
  Flush(links_.back());
  (void)loop->RunDue();
  link->Close();
  while (Accept()) {
  }
  CloseAll();
}

void ScriptedDaemon::Run(Loop& loop, Input& input) {
  for (int round = 0; round < kMostRounds; ++round) {
    bool busy = Accept();
    for (auto link = links_.begin(); link != links_.end();) {
      const auto served = link++;
      if (Serve(*served, input)) busy = true;
      if (!served->descriptor) links_.erase(served);
    }
    if (loop.RunDue() > 0) busy = true;
    if (!busy) return;
  }
}

void ScriptedDaemon::SendUnasked(Input& input) {
  if (links_.empty()) return;
  const auto link = std::next(links_.begin(), input.Byte() % static_cast<long>(links_.size()));
  const Bytes bytes = input.Take(input.Byte() % 64);
  if (bytes.empty()) {
    Append(link->unsent, daemon::ReaderChange());
  } else {
    link->unsent.insert(link->unsent.end(), bytes.begin(), bytes.end());
  }
  Flush(*link);
}

bool ScriptedDaemon::Accept() {
  Descriptor accepted(accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!accepted) return false;
  if (links_.size() == kMostLinks) links_.pop_front();
  links_.push_back(Link{std::move(accepted), {}, {}});
  return true;
}

void ScriptedDaemon::Flush(Link& link) {
  if (!link.descriptor || link.unsent.empty()) return;
  const ssize_t taken =
      send(link.descriptor.number(), link.unsent.data(), link.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken > 0) link.unsent.erase(link.unsent.begin(), link.unsent.begin() + taken);
}

bool ScriptedDaemon::Serve(Link& link, Input& input) {
  const std::size_t unsent = link.unsent.size();
  Flush(link);
  std::uint8_t part[4096];
  const ssize_t length = recv(link.descriptor.number(), part, sizeof part, MSG_DONTWAIT);
  if (length < 0) return link.unsent.size() != unsent;
  if (length == 0) {
    link.descriptor.Close();
    return true;
  }
  Bytes& received = link.received;
  received.insert(received.end(), part, part + length);
  while (link.descriptor && received.size() >= sizeof(Header)) {
    Header header;
    std::memcpy(&header, received.data(), sizeof header);
    Require(header.size <= sizeof(daemon::Attribute), "a request has the size of a message");
    if (received.size() < sizeof header + header.size) break;
    const auto begin = received.begin() + sizeof header;
    const Bytes message(begin, begin + header.size);
    const std::size_t whole = sizeof header + header.size + DataAfter(header.command, message);
    if (received.size() < whole) break;
    received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(whole));
    if (!Answer(link, header.command, message, input)) link.descriptor.Close();
  }
  Flush(link);
  return true;
}

bool ScriptedDaemon::Answer(Link& link, Command command, Bytes message, Input& input) {
  if (input.empty()) return false;
  Bytes& out = link.unsent;
  const std::uint8_t how = input.Byte() % 16;
  if (how == 0) return false;
  if (how < 4) link.in_step = false;
  switch (how) {
    case 1:
      return true;
    case 2: {
      const Bytes any = input.Take(input.Byte());
      out.insert(out.end(), any.begin(), any.end());
      return true;
    }
    case 3: {
      const std::uint8_t value = input.Byte();
      out.insert(out.end(), input.Word(), value);
      return true;
    }
    default:
      if (message.empty()) {
        AnswerPlain(link, command, input);
      } else {
        AnswerInKind(link, command, std::move(message), input);
      }
      return true;
  }
}

void ScriptedDaemon::AnswerPlain(Link& link, Command command, Input& input) {
  switch (command) {
    case Command::kReaderTableSize: {
      const std::int32_t places = input.Byte() % 40 - 1;
      link.places = static_cast<std::size_t>(std::max(places, 0));
      return Append(link.unsent, places);
    }
    case Command::kReaderStates:
    case Command::kReaderTable:
      return AppendTable(link, input);
    case Command::kWatchReaders:
      // Answered before 4:6 only.
      if (input.Byte() % 2 == 0) AppendTable(link, input);
      return;
    default:
      return Append(link.unsent, daemon::ReaderEvents());
  }
}

void ScriptedDaemon::AppendTable(Link& link, Input& input) {
  for (std::size_t place = 0; place < link.places; ++place) {
    daemon::ReaderState state{};
    const std::uint8_t kind = input.Byte();
    // A free place, names that are used in requests, and one that fills its field.
    static constexpr std::size_t kNameLengths[] = {0, 1, 65, daemon::kNameSize};
    std::memset(state.name, 'R', kNameLengths[kind % 4]);
    if (kind >= 128) {
      state.event_count = input.Word();
      state.state = input.Byte();
      state.sharing = static_cast<std::int8_t>(input.Byte());
      state.atr_length = input.Word();
      state.protocol = input.Byte();
    }
    Append(link.unsent, state);
  }
}

void ScriptedDaemon::AnswerInKind(Link& link, Command command, Bytes message, Input& input) {
  const std::uint8_t how = input.Byte();
  std::size_t data = 0;
  if (how % 2 == 1) data = input.Word() * (1 + std::size_t{input.Byte()} % 2);
  if (command == Command::kTransmit) {
    auto transmit = As<daemon::Transmit>(message);
    transmit.receive_length = static_cast<std::uint32_t>(data);
    Overwrite(message, transmit);
  } else if (command == Command::kControl) {
    auto control = As<daemon::Control>(message);
    control.returned = static_cast<std::uint32_t>(data);
    Overwrite(message, control);
  } else {
    data = 0;
  }
  // The code is the last member of every message.
  const std::uint32_t code = how % 4 < 2 ? 0 : 0x80100000u | input.Byte();
  std::memcpy(message.data() + message.size() - sizeof code, &code, sizeof code);
  if (code != 0) data = 0;
  for (int change = how / 4 % 4; change > 0; --change) {
    const std::size_t at = input.Word() % message.size();
    message[at] = input.Byte();
  }
  announced_ = link.in_step ? Announced(command, message) : std::nullopt;
  // Less than was announced, or more.
  if (how >= 240) data = input.Word();
  if (announced_.value_or(0) != data) link.in_step = false;
  link.unsent.insert(link.unsent.end(), message.begin(), message.end());
  link.unsent.insert(link.unsent.end(), data, 0x90);
}

}  // namespace pcsc_bridge::fuzz
