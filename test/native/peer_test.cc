// AskPeer on real sockets and processes of Linux.
#include "session/peer.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "fake_proc.h"
#include "session/held_process.h"

namespace {

using pcsc_bridge::AskPeer;
using pcsc_bridge::HoldByProc;
using pcsc_bridge::Peer;
using pcsc_bridge::PeerQuestion;
using pcsc_bridge::Result;
using pcsc_bridge::Session;
using pcsc_bridge::SessionIdentity;
using pcsc_bridge::SessionOfProcess;
using pcsc_bridge::UserOfPeer;
using pcsc_bridge::test::FakeProc;
using pcsc_bridge::test::FakeProcess;
namespace status = pcsc_bridge::status;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) { REQUIRE(fd_ >= 0); }
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// A Unix socket that listens, at an address chosen by the kernel, without a file.
class Listener {
 public:
  Listener() : socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    const sa_family_t any = AF_UNIX;
    REQUIRE(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0);
    REQUIRE(listen(socket_.get(), 4) == 0);
    REQUIRE(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address_), &length_) == 0);
  }
  int get() const { return socket_.get(); }
  Descriptor Accept() const { return Descriptor(accept(socket_.get(), nullptr, nullptr)); }
  int Connect() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address_), length_) == 0) return fd;
    close(fd);
    return -1;
  }

 private:
  const Descriptor socket_;
  sockaddr_un address_{};
  socklen_t length_ = sizeof(address_);
};

// A process that connects and then does nothing until it is told to end; optionally in a session and as a
// user of its own. With `replaced` it becomes another program, /bin/cat, once it has connected.
class Client {
 public:
  struct As {
    bool new_session = false;
    uid_t uid = static_cast<uid_t>(-1);
    bool replaced = false;
  };

  Client(const Listener& listener, As as) {
    int end[2];
    REQUIRE(pipe(end) == 0);
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      close(end[1]);
      if (as.new_session) setsid();
      if (as.uid != static_cast<uid_t>(-1) && setuid(as.uid) != 0) _exit(1);
      if (listener.Connect() < 0) _exit(1);
      if (as.replaced) {
        dup2(end[0], STDIN_FILENO);
        execl("/bin/cat", "cat", static_cast<char*>(nullptr));
      }
      char byte = 0;
      while (read(end[0], &byte, 1) > 0) {
      }
      _exit(0);
    }
    close(end[0]);
    end_ = end[1];
  }
  ~Client() { End(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Ends it. It stays a zombie, whose pid cannot be reused, until Reap().
  void Stop() {
    if (end_ < 0) return;
    close(end_);
    end_ = -1;
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void End() {
    Stop();
    if (pid_ > 0) waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

 private:
  pid_t pid_ = -1;
  int end_ = -1;
};

Result<Peer> PeerOf(int fd) {
  const Result<PeerQuestion> question = AskPeer(fd);
  if (!question) return question.error();
  return question.value()();
}

TEST_CASE("the peer is the process that connected, with its session and user") {
  const Listener listener;
  for (const bool new_session : {false, true}) {
    const Client client(listener, {new_session});
    const Descriptor connection = listener.Accept();
    const Result<Peer> peer = PeerOf(connection.get());
    REQUIRE(peer.ok());
    CHECK(peer.value().pid == client.pid());
    CHECK(peer.value().uid == geteuid());
    const auto is_session_of = [&](std::uint32_t pid) {
      SessionIdentity identity = SessionOfProcess(pid).value().identity;
      identity.user_id = std::to_string(geteuid());
      return peer.value().session.identity == identity;
    };
    CHECK(is_session_of(client.pid()));
    if (!new_session) CHECK(is_session_of(0));
  }
}

TEST_CASE("a peer that became another program is the same process") {
  const Listener listener;
  const Client client(listener, {true, static_cast<uid_t>(-1), true});
  const Result<Peer> peer = PeerOf(listener.Accept().get());
  REQUIRE(peer.ok());
  CHECK(peer.value().pid == client.pid());
}

TEST_CASE("a peer of another user is reported with that user" * doctest::skip(geteuid() != 0)) {
  const Listener listener;
  const Client client(listener, {true, 65534});
  const Result<Peer> peer = PeerOf(listener.Accept().get());
  REQUIRE(peer.ok());
  CHECK(peer.value().uid == 65534u);
}

TEST_CASE("two users of one session are two identities, each with its own name" *
          doctest::skip(geteuid() != 0)) {
  const Listener listener;
  const Client root(listener, {});
  const Descriptor of_root = listener.Accept();
  const Client other(listener, {false, 4'000'000});
  const Descriptor of_other = listener.Accept();
  const Session first = PeerOf(of_root.get()).value().session;
  const Session second = PeerOf(of_other.get()).value().session;
  CHECK(first.identity.id == second.identity.id);
  CHECK(first.identity.connect_time == second.identity.connect_time);
  CHECK(first.identity.user_id == "0");
  CHECK(second.identity.user_id == "4000000");
  CHECK(first.identity != second.identity);
  CHECK(first.user == "root");
  CHECK(second.user == "4000000");
  CHECK(UserOfPeer(of_other.get()).value() == "4000000");
}

TEST_CASE("the user of a peer is known at once, even if the peer has ended") {
  const Listener listener;
  Client client(listener, {});
  const Descriptor connection = listener.Accept();
  client.End();
  CHECK(UserOfPeer(connection.get()).value() == std::to_string(geteuid()));
  CHECK(UserOfPeer(listener.get()).code() == status::kInvalidParameter);
}

TEST_CASE("a client can identify the server") {
  const Listener listener;
  const Descriptor client(listener.Connect());
  const Result<Peer> peer = PeerOf(client.get());
  REQUIRE(peer.ok());
  CHECK(peer.value().pid == static_cast<std::uint32_t>(getpid()));
}

TEST_CASE("the peer of a socket pair is the process that made it") {
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  const Descriptor here(pair[0]);
  const Descriptor there(pair[1]);
  const Result<Peer> peer = PeerOf(here.get());
  REQUIRE(peer.ok());
  CHECK(peer.value().pid == static_cast<std::uint32_t>(getpid()));
}

TEST_CASE("a peer that has ended is rejected, even if another process has its pid") {
  const Listener listener;
  Client client(listener, {});
  const Descriptor connection = listener.Accept();
  client.Stop();
  CHECK(PeerOf(connection.get()).code() == status::kSessionUnknown);
  client.End();
  const Result<Peer> peer = PeerOf(connection.get());
  CHECK(peer.code() == status::kSessionUnknown);
  CHECK(peer.error().detail.find("has ended") != std::string::npos);
}

TEST_CASE("a peer that ends before it is identified is rejected") {
  const Listener listener;
  Client client(listener, {});
  Descriptor connection = listener.Accept();
  const Result<PeerQuestion> question = AskPeer(connection.get());
  REQUIRE(question.ok());
  connection.Close();
  client.End();
  CHECK(question.value()().code() == status::kSessionUnknown);
}

TEST_CASE("identifying a peer needs no connection any more") {
  const Listener listener;
  const Client client(listener, {});
  Descriptor connection = listener.Accept();
  const Result<PeerQuestion> question = AskPeer(connection.get());
  REQUIRE(question.ok());
  connection.Close();
  CHECK(question.value()().value().pid == client.pid());
}

TEST_CASE("a peer outside of this pid namespace is rejected with the reason" *
          doctest::skip(geteuid() != 0)) {
  const Listener listener;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWPID) != 0) _exit(1);
    const pid_t first = fork();  // in the new namespace
    if (first == 0) {
      const int connection = accept(listener.get(), nullptr, nullptr);
      const Result<PeerQuestion> question = AskPeer(connection);
      const bool refused = question.code() == status::kSessionUnknown &&
                           question.error().detail.find("another pid namespace") != std::string::npos;
      _exit(refused ? 0 : 1);
    }
    int end = 1;
    waitpid(first, &end, 0);
    _exit(WIFEXITED(end) ? WEXITSTATUS(end) : 1);
  }
  const Descriptor client(listener.Connect());
  int end = 1;
  waitpid(child, &end, 0);
  CHECK(end == 0);
}

TEST_CASE("a socket that is not a connected Unix socket is rejected with the reason") {
  const auto refusal = [](int fd) {
    const Result<PeerQuestion> question = AskPeer(fd);
    REQUIRE_FALSE(question.ok());
    CHECK(question.code() == status::kInvalidParameter);
    return question.error().detail;
  };
  const Listener listener;
  CHECK(refusal(listener.get()) == "this socket listens: ask the connections that it accepts");
  CHECK(refusal(Descriptor(socket(AF_UNIX, SOCK_STREAM, 0)).get()) == "this socket is not connected");
  CHECK(refusal(-1).find("this is no socket") == 0);
  CHECK(refusal(Descriptor(dup(STDIN_FILENO)).get()).find("this is no socket") == 0);
}

TEST_CASE("a TCP connection does not identify its peer") {
  const Descriptor server(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  REQUIRE(bind(server.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
  REQUIRE(listen(server.get(), 1) == 0);
  REQUIRE(getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
  const Descriptor client(socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
  const Descriptor connection(accept(server.get(), nullptr, nullptr));
  const Result<PeerQuestion> question = AskPeer(connection.get());
  REQUIRE_FALSE(question.ok());
  CHECK(question.code() == status::kInvalidParameter);
  CHECK(question.error().detail.find("another family") != std::string::npos);
}

TEST_CASE("held by /proc: a process that ends, becomes a zombie or another user's no longer matches") {
  const FakeProc proc;
  FakeProcess process;
  process.pid = 700;
  process.uid = 1000;
  proc.Add(process);
  CHECK(HoldByProc(700, 1001, proc.root()) == nullptr);
  CHECK(HoldByProc(701, 1000, proc.root()) == nullptr);
  const auto held = HoldByProc(700, 1000, proc.root());
  REQUIRE(held != nullptr);
  CHECK(held->Runs());
  // The process that has the pid now has another directory.
  proc.Remove(700);
  proc.Add(process);
  CHECK_FALSE(held->Runs());
}

TEST_CASE("held by /proc: a real process matches until it has ended") {
  const Listener listener;
  Client client(listener, {});
  const auto held = HoldByProc(client.pid(), geteuid());
  REQUIRE(held != nullptr);
  CHECK(held->Runs());
  client.Stop();
  CHECK_FALSE(held->Runs());
  client.End();
  CHECK_FALSE(held->Runs());
}

}  // namespace
