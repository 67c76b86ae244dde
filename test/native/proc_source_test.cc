#include "session/proc_source.h"

#include <doctest/doctest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "fake_proc.h"
#include "session/filetime.h"
#include "session/user_name.h"

namespace {

using pcsc_bridge::FiletimeOfUnixSeconds;
using pcsc_bridge::ProcSource;
using pcsc_bridge::Result;
using pcsc_bridge::Session;
using pcsc_bridge::SessionIdentity;
using pcsc_bridge::SessionSource;
using pcsc_bridge::UserName;
using pcsc_bridge::test::FakeProc;
using pcsc_bridge::test::FakeProcess;
namespace status = pcsc_bridge::status;

FakeProcess Process(std::uint32_t pid, std::uint32_t session, std::uint64_t start) {
  FakeProcess process;
  process.pid = pid;
  process.session = session;
  process.start = start;
  return process;
}

SessionIdentity IdentityOf(ProcSource& source, std::uint32_t pid) {
  const Result<Session> session = source.Ask(pid);
  REQUIRE(session.ok());
  return session.value().identity;
}

// The time of this number of ticks after the boot at 1'700'000'000.
std::uint64_t TicksAfterBoot(std::uint64_t ticks) {
  const auto per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return FiletimeOfUnixSeconds(1'700'000'000) + ticks * 10'000'000 / per_second;
}

// Counts how often files in the directories of processes are opened.
class ReadCounter {
 public:
  explicit ReadCounter(const std::string& root) : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    REQUIRE(inotify_ >= 0);
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      if (entry.is_directory()) REQUIRE(inotify_add_watch(inotify_, entry.path().c_str(), IN_OPEN) >= 0);
    }
  }
  ~ReadCounter() { close(inotify_); }
  ReadCounter(const ReadCounter&) = delete;
  ReadCounter& operator=(const ReadCounter&) = delete;

  // The number since the last call.
  int Take() const {
    int count = 0;
    alignas(inotify_event) char events[16 * 1024];
    ssize_t length = 0;
    while ((length = read(inotify_, events, sizeof events)) > 0) {
      for (ssize_t at = 0; at < length;) {
        const auto* event = reinterpret_cast<const inotify_event*>(events + at);
        REQUIRE((event->mask & IN_Q_OVERFLOW) == 0);
        if ((event->mask & IN_ISDIR) == 0) ++count;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return count;
  }

 private:
  const int inotify_;
};

TEST_CASE("a process has the session of its leader and the leader's start as connect time") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 12345));
  proc.Add(Process(101, 100, 99999));
  ProcSource source(proc.root());
  const Result<Session> session = source.Ask(101);
  REQUIRE(session.ok());
  CHECK(session.value().identity.id == 100);
  CHECK(session.value().identity.connect_time == TicksAfterBoot(12345));
  CHECK(session.value().user == "root");
  CHECK(session.value().source == SessionSource::kProc);
  CHECK(IdentityOf(source, 100) == IdentityOf(source, 101));
}

TEST_CASE("the user is the leader's, also for another user's process in the session") {
  const FakeProc proc;
  FakeProcess leader = Process(100, 100, 1);
  leader.uid = 4'000'000;
  proc.Add(leader);
  proc.Add(Process(101, 100, 2));
  ProcSource source(proc.root());
  CHECK(source.Ask(101).value().user == "4000000");
}

TEST_CASE("a command name may contain blanks, parentheses and line ends") {
  for (const char* command : {"tmux: server", "a) S 7 7 7 (b", "((sd-pam))", ")", "", "x\ny) R 1 2 3"}) {
    CAPTURE(command);
    const FakeProc proc;
    FakeProcess process = Process(100, 100, 500);
    process.command = command;
    proc.Add(process);
    ProcSource source(proc.root());
    CHECK(IdentityOf(source, 100) == SessionIdentity{100, TicksAfterBoot(500)});
  }
}

TEST_CASE("an audit session is preferred and needs no connect time") {
  const FakeProc proc;
  FakeProcess process = Process(100, 100, 500);
  process.audit_session = "17";
  process.uid = 4'000'000;
  proc.Add(process);
  // An unprivileged process may set this value.
  proc.Write(proc.root() + "/100/loginuid", "0");
  ProcSource source(proc.root());
  const Result<Session> session = source.Ask(100);
  REQUIRE(session.ok());
  CHECK(session.value().identity == SessionIdentity{17, 0});
  CHECK(session.value().user == "4000000");
}

TEST_CASE("an audit session of 0, of -1, malformed or without a file counts as none") {
  for (const char* audit : {"0", "4294967295", "4294967295\n", "nonsense", ""}) {
    CAPTURE(audit);
    const FakeProc proc;
    FakeProcess process = Process(100, 100, 500);
    process.audit_session = audit;
    proc.Add(process);
    ProcSource source(proc.root());
    CHECK(IdentityOf(source, 100).id == 100);
  }
}

TEST_CASE("after the leader has ended all members still agree, by the oldest of them") {
  const FakeProc proc;
  proc.Add(Process(101, 100, 700));
  proc.Add(Process(102, 100, 600));
  proc.Add(Process(103, 100, 800));
  proc.Add(Process(50, 50, 10));
  ProcSource source(proc.root());
  for (const std::uint32_t pid : {101u, 102u, 103u}) {
    CAPTURE(pid);
    CHECK(IdentityOf(source, pid) == SessionIdentity{100, TicksAfterBoot(600)});
  }
}

TEST_CASE("a known session keeps its connect time when its leader and its oldest members end") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 500));
  proc.Add(Process(101, 100, 600));
  proc.Add(Process(102, 100, 700));
  ProcSource source(proc.root());
  const SessionIdentity session{100, TicksAfterBoot(500)};
  CHECK(IdentityOf(source, 101) == session);
  proc.Remove(100);
  CHECK(IdentityOf(source, 102) == session);
  proc.Remove(101);
  CHECK(IdentityOf(source, 102) == session);
  // No known member is left, except one that is older than the last one known.
  proc.Add(Process(103, 100, 650));
  proc.Remove(102);
  proc.Add(Process(104, 100, 800));
  CHECK(IdentityOf(source, 104) == session);
}

TEST_CASE("a later session of the same number inherits nothing, even if both have lost their leaders") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 500));
  proc.Add(Process(101, 100, 600));
  ProcSource source(proc.root());
  CHECK(IdentityOf(source, 101) == SessionIdentity{100, TicksAfterBoot(500)});
  proc.Remove(100);
  proc.Remove(101);
  proc.Add(Process(102, 100, 901));
  proc.Add(Process(103, 100, 902));
  CHECK(IdentityOf(source, 103) == SessionIdentity{100, TicksAfterBoot(901)});
  // Its pid may be reused, too.
  proc.Add(Process(103, 100, 903));
  CHECK(IdentityOf(source, 103) == SessionIdentity{100, TicksAfterBoot(901)});
}

TEST_CASE("a session without a leader costs one scan of the processes, and a few reads after that") {
  const FakeProc proc;
  for (std::uint32_t pid = 1000; pid < 2500; ++pid) proc.Add(Process(pid, pid % 10 == 0 ? 100 : pid, pid));
  const ReadCounter reads(proc.root());
  ProcSource source(proc.root());
  const SessionIdentity session{100, TicksAfterBoot(1000)};
  CHECK(IdentityOf(source, 2000) == session);
  CHECK(reads.Take() >= 1500);
  for (std::uint32_t pid = 1000; pid < 2500; pid += 10) {
    CAPTURE(pid);
    CHECK(IdentityOf(source, pid) == session);
    CHECK(reads.Take() <= 4);
  }
}

TEST_CASE("at most some thousand processes are scanned") {
  const FakeProc proc;
  for (std::uint32_t pid = 1000; pid < 6000; ++pid) proc.Add(Process(pid, 100, pid));
  const ReadCounter reads(proc.root());
  ProcSource source(proc.root());
  const SessionIdentity session = IdentityOf(source, 5999);
  CHECK(reads.Take() <= 4096 + 4);
  // All members agree, regardless of which were scanned.
  for (const std::uint32_t pid : {1000u, 3000u, 5998u}) CHECK(IdentityOf(source, pid) == session);
}

TEST_CASE("a later session of the same number is a different session") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 500));
  ProcSource source(proc.root());
  const SessionIdentity before = IdentityOf(source, 100);
  proc.Add(Process(100, 100, 90000));
  CHECK(IdentityOf(source, 100) != before);
}

TEST_CASE("a process with the pid of a dead leader is not taken for the leader") {
  const FakeProc proc;
  proc.Add(Process(101, 100, 700));
  proc.Add(Process(100, 3, 900));
  ProcSource source(proc.root());
  CHECK(IdentityOf(source, 101) == SessionIdentity{100, TicksAfterBoot(700)});
}

TEST_CASE("in a namespace whose init is in session 0, session 0 is the init's") {
  const FakeProc proc;
  proc.Add(Process(1, 0, 5));
  proc.Add(Process(7, 0, 500));
  proc.Add(Process(8, 0, 600));
  ProcSource source(proc.root());
  CHECK(IdentityOf(source, 1) == SessionIdentity{1, TicksAfterBoot(5)});
  CHECK(IdentityOf(source, 7) == IdentityOf(source, 1));
  CHECK(IdentityOf(source, 8) == IdentityOf(source, 1));
}

TEST_CASE("processes that entered the namespace from outside have a session each") {
  const FakeProc proc;
  proc.Add(Process(1, 1, 5));
  proc.Add(Process(7, 0, 500));
  proc.Add(Process(8, 0, 600));
  ProcSource source(proc.root());
  CHECK(IdentityOf(source, 7) == SessionIdentity{7, TicksAfterBoot(500)});
  CHECK(IdentityOf(source, 8) == SessionIdentity{8, TicksAfterBoot(600)});
}

TEST_CASE("setting the clock does not change a session's connect time") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 500));
  ProcSource source(proc.root());
  const SessionIdentity before = IdentityOf(source, 100);
  proc.SetBootSecond(1'700'000'001);
  CHECK(IdentityOf(source, 100) == before);
  proc.SetBootSecond(1'800'000'000);
  CHECK(IdentityOf(source, 100) == before);
}

TEST_CASE("two sources return the same connect time for the same session") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 12347));
  ProcSource one(proc.root());
  ProcSource other(proc.root());
  CHECK(IdentityOf(one, 100) == IdentityOf(other, 100));
}

TEST_CASE("without a boot time the connect time is unknown") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 500));
  proc.Write(proc.root() + "/stat", "cpu 1 2 3\n");
  ProcSource source(proc.root());
  CHECK(IdentityOf(source, 100) == SessionIdentity{100, 0});
}

TEST_CASE("a process that does not exist has no session") {
  const FakeProc proc;
  ProcSource source(proc.root());
  const Result<Session> session = source.Ask(4711);
  CHECK(session.code() == status::kSessionUnknown);
  CHECK(session.error().detail.find("4711") != std::string::npos);
  CHECK(source.Ask(0xffffffff).code() == status::kSessionUnknown);
}

TEST_CASE("a malformed stat file is an error, not a session") {
  for (const char* text : {"", "100", "100 (sh", "100 (sh)", "100 (sh) S 1 2", "100 (sh) S 1 2 x 3 4 5"}) {
    CAPTURE(text);
    const FakeProc proc;
    proc.Add(Process(100, 100, 500));
    proc.Write(proc.root() + "/100/stat", text);
    ProcSource source(proc.root());
    CHECK(source.Ask(100).code() == status::kSessionUnknown);
  }
}

TEST_CASE("threads that query /proc at once get the same result") {
  const FakeProc proc;
  proc.Add(Process(100, 100, 500));
  proc.Add(Process(101, 99, 500));
  ProcSource source(proc.root());
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int question = 0; question < 25; ++question) {
        right += source.Ask(100).value().identity == SessionIdentity{100, TicksAfterBoot(500)} ? 1 : 0;
        right += source.Ask(101).value().identity == SessionIdentity{99, TicksAfterBoot(500)} ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 200);
}

}  // namespace
