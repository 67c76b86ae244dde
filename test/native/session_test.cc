// SessionOfProcess on the real system: with or without logind, in a container or not.
#include "session/session.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace {

using pcsc_bridge::Result;
using pcsc_bridge::Session;
using pcsc_bridge::SessionIdentity;
using pcsc_bridge::SessionOfProcess;
using pcsc_bridge::SessionSource;
namespace status = pcsc_bridge::status;

// A child that lives as long as this object and does nothing; optionally in a session of its own.
class Child {
 public:
  explicit Child(bool new_session) {
    int ready[2];
    int end[2];
    REQUIRE(pipe(ready) == 0);
    REQUIRE(pipe(end) == 0);
    std::fflush(nullptr);  // so that the child does not print it again
    pid_ = fork();
    if (pid_ == 0) {
      close(end[1]);
      char byte = new_session && setsid() < 0 ? 'n' : 'y';
      const bool told = write(ready[1], &byte, 1) == 1;
      while (told && read(end[0], &byte, 1) > 0) {
      }
      _exit(0);
    }
    char answer = 'n';
    CHECK(read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    close(ready[0]);
    close(ready[1]);
    close(end[0]);
    end_ = end[1];
  }
  ~Child() { End(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void End() {
    if (end_ < 0) return;
    close(end_);
    end_ = -1;
    waitpid(pid_, nullptr, 0);
  }
  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

 private:
  pid_t pid_ = -1;
  int end_ = -1;
};

TEST_CASE("process 0 is the calling process") {
  const Result<Session> mine = SessionOfProcess(0);
  REQUIRE(mine.ok());
  const Result<Session> same = SessionOfProcess(static_cast<std::uint32_t>(getpid()));
  REQUIRE(same.ok());
  CHECK(mine.value().identity == same.value().identity);
  CHECK_FALSE(mine.value().user.empty());
}

TEST_CASE("a child is in its parent's session") {
  const Child child(false);
  const Result<Session> session = SessionOfProcess(child.pid());
  REQUIRE(session.ok());
  CHECK(session.value().identity == SessionOfProcess(0).value().identity);
}

TEST_CASE("a child that called setsid is in another session, unless its login is known") {
  const Child child(true);
  const Result<Session> session = SessionOfProcess(child.pid());
  REQUIRE(session.ok());
  const Session mine = SessionOfProcess(0).value();
  const bool by_login = mine.source != SessionSource::kProc || mine.identity.connect_time == 0;
  CHECK((session.value().identity == mine.identity) == by_login);
}

TEST_CASE("a process that has ended has no session") {
  Child child(false);
  child.End();
  const Result<Session> session = SessionOfProcess(child.pid());
  CHECK(session.code() == status::kSessionUnknown);
  CHECK(session.error().operation == "SessionOfProcess");
  CHECK_FALSE(session.error().detail.empty());
}

}  // namespace
