// A stand-in for pcscd, on a socket of its own. It speaks protocol 4:4 or another one, returns configured
// answers, and records its requests.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backend/daemon/protocol.h"
#include "pcsc/status.h"
#include "pcsc/types.h"

namespace pcsc_bridge::test {

// By default it accepts everything: contexts and cards get numbers, a card speaks T=1, and a
// command or a control is answered with its own bytes (a command's with 9000 behind them).
//
// One at a time: PCSCLITE_CSOCK_NAME names its socket. Its end lets every answer go, waits until each client
// has ended its link, and checks that every message had its size.
class FakeDaemon {
 public:
  struct Question {
    int link = 0;  // its number, from 1
    daemon::Command command{};
    Bytes message;
    Bytes data;  // The data after it.
    // The code in the answer, once it is being sent.
    std::optional<Status> answered;

    template <class Message>
    Message As() const {
      Message copy;
      std::memcpy(&copy, message.data(), sizeof copy);
      return copy;
    }
  };

  struct Reply {
    Bytes bytes;
    std::size_t piece = 0;  // size of the pieces, each sent when the one before has been read; 0: all at once
    bool then_close = false;  // closes the link afterwards
  };
  using Answerer = std::function<Reply(const Question&)>;

  FakeDaemon();
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  // Counters of the contexts and cards that it creates.
  static constexpr std::int32_t kFirstNumber = 41;

  const std::string& path() const { return path_; }

  // From now on it speaks protocol 4:`minor`, and accepts older ones from 4:`oldest` on.
  void Speak(std::int32_t minor, std::int32_t oldest = 4);
  // Of the versions offered, those that were not its own. pcscd logs each of them.
  std::size_t mismatches();
  // The places of its table of readers since 4:6.
  void SetPlaces(std::size_t places);
  // From now on each new connection is closed at once, as at the limit of contexts or by polkit.
  void CloseNewLinks();

  void AddReader(const std::string& name, std::uint32_t state = kCardIn, const Bytes& atr = {0x3b, 0x00},
                 std::uint32_t events = 0);
  static constexpr std::uint32_t kCardIn = 0x0054;  // present, powered, its protocol chosen
  static constexpr std::uint32_t kNoCard = 0x0002;
  // Adds an event for this reader. Watching clients are notified, also of added and removed readers.
  void ChangeReader(const std::string& name, std::uint32_t state);
  void RemoveReader(const std::string& name);

  // From now on. One answerer is called at a time; it must not call the daemon. Null: the default.
  void On(daemon::Command command, Answerer answerer);
  // The next `times` requests of this kind get their own message back with this code.
  void Refuse(daemon::Command command, Status code, int times = 1);
  static constexpr int kUntilServed = -1;
  void Serve(daemon::Command command);  // as before Refuse
  // Requests of this kind are accepted, and their answers held back until LetGo.
  void Hold(daemon::Command command);
  void LetGo(daemon::Command command);
  // Answers of this kind are sent in pieces.
  void Piecemeal(daemon::Command command, std::size_t piece);

  // In order of arrival, since the start or Forget.
  std::vector<Question> asked();
  std::vector<Question> asked(daemon::Command command);
  // "version, establish, connect R, transmit 00a4, end reset": with ! after a refused one.
  std::string log();
  std::size_t count(daemon::Command command);
  void WaitForAsked(daemon::Command command, std::size_t count);
  void Forget();

  std::size_t links();  // open links
  void WaitForNoLink();
  // Cuts every link, and refuses new ones.
  void Die();

 private:
  struct Link {
    int number = 0;
    int fd = -1;
    std::thread thread;
    bool ended = false;
    bool watches = false;   // to be notified of the next change
    bool agreed = false;    // on a version
    bool old_table = true;  // answers as before 4:6
  };

  void Accept();
  void ServeLink(Link& link);
  bool ReadQuestion(int fd, Question& question);
  bool Send(int fd, const Reply& reply);
  Reply MakeReply(const Question& question, Link& link);
  Reply AsAlways(const Question& question, Link& link);
  Reply AgreeOn(daemon::Version offered, Link& link);
  Reply Table(std::size_t places) const;
  daemon::ReaderState& Find(const std::string& name);
  void ReadersChanged();  // with the lock held
  template <class Condition>
  bool Await(Condition condition);

  std::filesystem::path directory_;
  std::string path_;
  int listening_ = -1;
  std::thread accepting_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::list<Link> links_;
  std::vector<std::shared_ptr<Question>> asked_;
  std::vector<std::string> violations_;
  std::map<daemon::Command, Answerer> answerers_;
  std::map<daemon::Command, std::pair<Status, int>> refused_;
  std::map<daemon::Command, bool> held_;
  std::map<daemon::Command, std::size_t> pieces_;
  std::vector<daemon::ReaderState> readers_;
  std::int32_t minor_ = 4;
  std::int32_t oldest_minor_ = 4;
  std::size_t mismatches_ = 0;
  std::size_t places_ = 16;
  bool closes_new_links_ = false;
  std::size_t changes_ = 0;  // of them, so far
  std::int32_t last_number_ = kFirstNumber - 1;
};

// An answer: a message, and the data after it.
template <class Message>
FakeDaemon::Reply ReplyOf(const Message& message, const Bytes& data = {}) {
  FakeDaemon::Reply reply{Bytes(sizeof message + data.size())};
  std::memcpy(reply.bytes.data(), &message, sizeof message);
  if (!data.empty()) std::memcpy(reply.bytes.data() + sizeof message, data.data(), data.size());
  return reply;
}

// The answer of a daemon of protocol 4:`minor` to kVersion.
FakeDaemon::Answerer Speaking(std::int32_t minor);

// The answer to any command.
FakeDaemon::Reply Response(const FakeDaemon::Question& question, const Bytes& response);

}  // namespace pcsc_bridge::test
