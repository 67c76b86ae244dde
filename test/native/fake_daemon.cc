#include "fake_daemon.h"

#include <doctest/doctest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "answer.h"
#include "fake_daemon_words.h"

namespace pcsc_bridge::test {
namespace {

using daemon::Command;

bool ReadAll(int fd, void* bytes, std::size_t size) {
  return size == 0 || recv(fd, bytes, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

}  // namespace

FakeDaemon::Reply Response(const FakeDaemon::Question& question, const Bytes& response) {
  auto message = question.As<daemon::Transmit>();
  message.code = status::kSuccess;
  message.receive_length = static_cast<std::uint32_t>(response.size());
  return ReplyOf(message, response);
}

FakeDaemon::Answerer Speaking(std::int32_t minor) {
  return [minor](const FakeDaemon::Question& question) {
    auto version = question.As<daemon::Version>();
    version.minor = minor;
    return ReplyOf(version);
  };
}

FakeDaemon::FakeDaemon() {
  std::string name = (std::filesystem::temp_directory_path() / "fake-pcscd-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = name;
  path_ = (directory_ / "pcscd.comm").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
  listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(listen(listening_, 64) == 0);
  REQUIRE(setenv("PCSCLITE_CSOCK_NAME", path_.c_str(), 1) == 0);
  accepting_ = std::thread([this] { Accept(); });
}

FakeDaemon::~FakeDaemon() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    held_.clear();
    changed_.notify_all();
  }
  CHECK(Await([this] {
    return std::all_of(links_.begin(), links_.end(), [](const Link& link) { return link.ended; });
  }));
  Die();
  for (Link& link : links_) {
    link.thread.join();
    close(link.fd);
  }
  close(listening_);
  unsetenv("PCSCLITE_CSOCK_NAME");
  std::filesystem::remove_all(directory_);
  for (const std::string& violation : violations_) FAIL_CHECK(violation);
}

template <class Condition>
bool FakeDaemon::Await(Condition condition) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, kPatience, condition);
}

void FakeDaemon::Die() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
    for (Link& link : links_) (void)shutdown(link.fd, SHUT_RDWR);
    changed_.notify_all();
  }
  // A bound socket that is shut down for reading accepts no more connections, and refuses new ones.
  (void)shutdown(listening_, SHUT_RDWR);
  if (accepting_.joinable()) accepting_.join();
}

void FakeDaemon::Accept() {
  for (;;) {
    const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0 && errno == EMFILE) {
      // A test exhausts the process's descriptors for a while.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    if (fd < 0) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closes_new_links_) {
      close(fd);
      continue;
    }
    Link& link = links_.emplace_back();
    link.number = static_cast<int>(links_.size());
    link.fd = fd;
    if (over_) (void)shutdown(fd, SHUT_RDWR);
    link.thread = std::thread([this, &link] { ServeLink(link); });
  }
}

void FakeDaemon::ServeLink(Link& link) {
  for (;;) {
    const auto question = std::make_shared<Question>();
    question->link = link.number;
    if (!ReadQuestion(link.fd, *question)) break;
    Reply reply;
    std::size_t changes = 0;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      asked_.push_back(question);
      changed_.notify_all();
      changed_.wait(lock, [&] { return over_ || held_.count(question->command) == 0; });
      reply = MakeReply(*question, link);
      changes = changes_;
      if (question->command == Command::kStopWatching) {
        if (!std::exchange(link.watches, false)) reply = Reply();  // it has been notified of a change
      } else if (link.watches && link.old_table) {
        violations_.push_back("a question from one who waits for a change: " + NameOf(*question));
      }
      if (question->command == Command::kWatchReaders && !link.old_table) link.watches = true;
      question->answered = CodeIn(*question, reply.bytes);
    }
    if (!Send(link.fd, reply)) break;
    if (question->command == Command::kWatchReaders && link.old_table) {
      const std::lock_guard<std::mutex> lock(mutex_);
      link.watches = true;
      if (changes != changes_) ReadersChanged();
    }
  }
  (void)shutdown(link.fd, SHUT_RDWR);
  const std::lock_guard<std::mutex> lock(mutex_);
  link.ended = true;
  changed_.notify_all();
}

bool FakeDaemon::ReadQuestion(int fd, Question& question) {
  daemon::Header header{};
  if (!ReadAll(fd, &header, sizeof header)) return false;
  question.command = header.command;
  if (header.size != SizeOf(header.command)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    violations_.push_back("a message of " + std::to_string(header.size) + " bytes for " + NameOf(question));
    return false;
  }
  question.message.resize(header.size);
  if (!ReadAll(fd, question.message.data(), header.size)) return false;
  std::size_t follows = 0;
  if (header.command == Command::kTransmit) follows = question.As<daemon::Transmit>().send_length;
  if (header.command == Command::kControl) follows = question.As<daemon::Control>().send_length;
  question.data.resize(follows);
  return ReadAll(fd, question.data.data(), follows);
}

FakeDaemon::Reply FakeDaemon::MakeReply(const Question& question, Link& link) {
  Reply reply;
  const auto refused = refused_.find(question.command);
  const auto answerer = answerers_.find(question.command);
  if (refused != refused_.end() && refused->second.second != 0) {
    if (refused->second.second > 0) --refused->second.second;
    reply.bytes = question.message;
    std::memcpy(reply.bytes.data() + reply.bytes.size() - kCodeSize, &refused->second.first, kCodeSize);
  } else {
    reply = answerer != answerers_.end() ? answerer->second(question) : AsAlways(question, link);
  }
  const auto piece = pieces_.find(question.command);
  if (piece != pieces_.end()) reply.piece = piece->second;
  return reply;
}

FakeDaemon::Reply FakeDaemon::AgreeOn(daemon::Version offered, Link& link) {
  if (offered.minor != minor_) ++mismatches_;
  const bool agrees = offered.minor >= oldest_minor_ && offered.minor <= minor_;
  offered.code = agrees ? status::kSuccess : status::kServiceStopped;
  // An earlier offer counts, even if the right one follows.
  link.old_table = minor_ < 6 || (agrees && offered.minor < minor_) || (link.agreed && link.old_table);
  link.agreed = link.agreed || agrees;
  offered.minor = minor_;
  return ReplyOf(offered);
}

FakeDaemon::Reply FakeDaemon::Table(std::size_t places) const {
  std::vector<daemon::ReaderState> states = readers_;
  states.resize(places);
  const auto* first = reinterpret_cast<const std::uint8_t*>(states.data());
  return Reply{Bytes(first, first + states.size() * sizeof(daemon::ReaderState))};
}

FakeDaemon::Reply FakeDaemon::AsAlways(const Question& question, Link& link) {
  switch (question.command) {
    case Command::kVersion:
      return AgreeOn(question.As<daemon::Version>(), link);
    case Command::kEstablishContext: {
      auto message = question.As<daemon::EstablishContext>();
      message.context = static_cast<std::uint32_t>(++last_number_);
      return ReplyOf(message);
    }
    case Command::kConnect: {
      auto message = question.As<daemon::Connect>();
      message.card = ++last_number_;
      message.active_protocol = kT1;
      return ReplyOf(message);
    }
    case Command::kReconnect: {
      auto message = question.As<daemon::Reconnect>();
      message.active_protocol = kT1;
      return ReplyOf(message);
    }
    case Command::kTransmit: {
      Bytes response = question.data;
      response.push_back(0x90);
      response.push_back(0x00);
      return Response(question, response);
    }
    case Command::kControl: {
      auto message = question.As<daemon::Control>();
      message.returned = message.send_length;
      return ReplyOf(message, question.data);
    }
    case Command::kReaderStates:
      return Table(daemon::kOldTableSize);
    case Command::kWatchReaders:
      return link.old_table ? Table(daemon::kOldTableSize) : Reply();
    case Command::kReaderEvents:
      return ReplyOf(daemon::ReaderEvents());
    case Command::kReaderTableSize:
      return ReplyOf(static_cast<std::int32_t>(places_));
    case Command::kReaderTable:
      return Table(places_);
    case Command::kStopWatching:
      return ReplyOf(daemon::ReaderChange());
    default:
      return Reply{question.message};
  }
}

bool FakeDaemon::Send(int fd, const Reply& reply) {
  const std::size_t piece = reply.piece == 0 ? reply.bytes.size() : reply.piece;
  for (std::size_t sent = 0; sent < reply.bytes.size();) {
    const std::size_t length = std::min(piece, reply.bytes.size() - sent);
    const ssize_t taken = send(fd, reply.bytes.data() + sent, length, MSG_NOSIGNAL);
    if (taken <= 0) return false;
    sent += static_cast<std::size_t>(taken);
    // The reader must receive the next piece separately.
    for (int waiting = 1; reply.piece != 0 && waiting > 0;) {
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (over_) return false;
      }
      if (ioctl(fd, SIOCOUTQ, &waiting) != 0) return false;
      if (waiting > 0) std::this_thread::yield();
    }
  }
  return !reply.then_close;
}

void FakeDaemon::AddReader(const std::string& name, std::uint32_t state, const Bytes& atr,
                           std::uint32_t events) {
  daemon::ReaderState reader{};
  // A name that fills its field has no zero after it.
  std::copy_n(name.data(), std::min(name.size(), sizeof(reader.name)), reader.name);
  reader.event_count = events;
  reader.state = state;
  std::copy_n(atr.data(), std::min(atr.size(), sizeof(reader.atr)), reader.atr);
  reader.atr_length = static_cast<std::uint32_t>(atr.size());
  reader.protocol = kT1;
  const std::lock_guard<std::mutex> lock(mutex_);
  readers_.push_back(reader);
  ReadersChanged();
}

daemon::ReaderState& FakeDaemon::Find(const std::string& name) {
  const auto found = std::find_if(readers_.begin(), readers_.end(),
                                  [&](const daemon::ReaderState& reader) { return name == reader.name; });
  REQUIRE(found != readers_.end());
  return *found;
}

void FakeDaemon::ChangeReader(const std::string& name, std::uint32_t state) {
  const std::lock_guard<std::mutex> lock(mutex_);
  daemon::ReaderState& reader = Find(name);
  reader.state = state;
  ++reader.event_count;
  ReadersChanged();
}

void FakeDaemon::RemoveReader(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Find(name) = daemon::ReaderState();  // its place stays free
  ReadersChanged();
}

void FakeDaemon::ReadersChanged() {
  ++changes_;
  const daemon::ReaderChange change;
  for (Link& link : links_) {
    if (std::exchange(link.watches, false)) (void)send(link.fd, &change, sizeof change, MSG_NOSIGNAL);
  }
}

void FakeDaemon::Speak(std::int32_t minor, std::int32_t oldest) {
  const std::lock_guard<std::mutex> lock(mutex_);
  minor_ = minor;
  oldest_minor_ = oldest;
}

std::size_t FakeDaemon::mismatches() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return mismatches_;
}

void FakeDaemon::SetPlaces(std::size_t places) {
  const std::lock_guard<std::mutex> lock(mutex_);
  places_ = places;
}

void FakeDaemon::CloseNewLinks() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closes_new_links_ = true;
}

void FakeDaemon::On(Command command, Answerer answerer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answerers_.erase(command);
  if (answerer) answerers_.emplace(command, std::move(answerer));
}

void FakeDaemon::Refuse(Command command, Status code, int times) {
  const std::lock_guard<std::mutex> lock(mutex_);
  refused_[command] = {code, times};
}

void FakeDaemon::Serve(Command command) {
  const std::lock_guard<std::mutex> lock(mutex_);
  refused_.erase(command);
}

void FakeDaemon::Hold(Command command) {
  const std::lock_guard<std::mutex> lock(mutex_);
  held_[command] = true;
}

void FakeDaemon::LetGo(Command command) {
  const std::lock_guard<std::mutex> lock(mutex_);
  held_.erase(command);
  changed_.notify_all();
}

void FakeDaemon::Piecemeal(Command command, std::size_t piece) {
  const std::lock_guard<std::mutex> lock(mutex_);
  pieces_[command] = piece;
}

std::vector<FakeDaemon::Question> FakeDaemon::asked() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Question> questions;
  for (const std::shared_ptr<Question>& question : asked_) questions.push_back(*question);
  return questions;
}

std::vector<FakeDaemon::Question> FakeDaemon::asked(Command command) {
  std::vector<Question> questions = asked();
  const auto other = [&](const Question& question) { return question.command != command; };
  questions.erase(std::remove_if(questions.begin(), questions.end(), other), questions.end());
  return questions;
}

std::string FakeDaemon::log() {
  std::string text;
  for (const Question& question : asked()) {
    text += (text.empty() ? "" : ", ") + NameOf(question);
    if (question.answered.value_or(status::kSuccess) != status::kSuccess) text += "!";
  }
  return text;
}

std::size_t FakeDaemon::count(Command command) {
  return asked(command).size();
}

void FakeDaemon::WaitForAsked(Command command, std::size_t count) {
  REQUIRE(Await([&] {
    return static_cast<std::size_t>(std::count_if(asked_.begin(), asked_.end(), [&](const auto& question) {
             return question->command == command;
           })) >= count;
  }));
}

void FakeDaemon::Forget() {
  const std::lock_guard<std::mutex> lock(mutex_);
  asked_.clear();
}

std::size_t FakeDaemon::links() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(links_.begin(), links_.end(), [](const Link& link) { return !link.ended; }));
}

void FakeDaemon::WaitForNoLink() {
  REQUIRE(Await([this] {
    return std::all_of(links_.begin(), links_.end(), [](const Link& link) { return link.ended; });
  }));
}

}  // namespace pcsc_bridge::test
