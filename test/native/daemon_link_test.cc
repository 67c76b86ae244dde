// Opening a connection to pcscd: versions, and errors.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "daemon_fixture.h"

namespace {

using namespace pcsc_bridge;        // NOLINT
using namespace pcsc_bridge::test;  // NOLINT
using namespace std::chrono_literals;
using backend::AskDaemonVersion;
using backend::CheckContext;
using backend::ListReaders;
using daemon::Version;
using Question = FakeDaemon::Question;
using Reply = FakeDaemon::Reply;

std::vector<std::int32_t> MinorsOffered(FakeDaemon& daemon) {
  std::vector<std::int32_t> minors;
  for (const Question& question : daemon.asked(Command::kVersion)) {
    minors.push_back(question.As<Version>().minor);
  }
  return minors;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The error of a client that lists the readers of the daemon at this socket.
Error ErrorAt(DrivenLoop& loop, const std::string& socket) {
  const auto backend = backend::MakeDaemonBackend(socket);
  const auto client = backend->MakeClient(loop.get());
  const Called called(*client, ListReaders{});
  loop.RunUntil([&] { return called.done(); });
  REQUIRE_FALSE(called.outcome().ok());
  return called.outcome().error();
}

TEST_SUITE("daemon link") {
  TEST_CASE_FIXTURE(WithDaemon, "no connection is made before the first call") {
    CHECK(daemon.links() == 0);
    REQUIRE(Do(ListReaders{}).ok());
    CHECK(daemon.log() == "version, readers");
  }

  TEST_CASE_FIXTURE(WithDaemon, "4:4 is offered first, and later links offer the daemon's version") {
    std::int32_t minor = 4;
    std::vector<std::int32_t> first_offers{4};
    SUBCASE("4:4") {}
    SUBCASE("4:5, which accepts 4:4") {
      minor = 5;
    }
    SUBCASE("4:6, which accepts 4:4 but then speaks 4:5") {
      minor = 6;
      first_offers = {4, 6};
    }
    daemon.Speak(minor);
    REQUIRE(Do(ListReaders{}).ok());
    CHECK(MinorsOffered(daemon) == first_offers);
    CHECK(daemon.mismatches() == (minor == 4 ? 0 : 1));
    daemon.Forget();
    for (int i = 0; i < 3; ++i) {
      const auto another = backend->MakeClient(loop.get());
      REQUIRE(Do(*another, ListReaders{}).ok());
    }
    CHECK(MinorsOffered(daemon) == std::vector<std::int32_t>(3, minor));
    CHECK(daemon.mismatches() == (minor == 4 ? 0 : 1));
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "a daemon that refuses 4:4 is offered its own version on the same connection") {
    daemon.Speak(5, 5);
    REQUIRE(Do(ListReaders{}).ok());
    CHECK(daemon.log() == "version!, version, readers");
    CHECK(MinorsOffered(daemon) == std::vector<std::int32_t>{4, 5});
    CHECK(daemon.links() == 1);
    const auto another = backend->MakeClient(loop.get());
    REQUIRE(Do(*another, ListReaders{}).ok());
    CHECK(daemon.mismatches() == 1);
  }

  TEST_CASE_FIXTURE(WithDaemon, "a daemon that is replaced by another version is negotiated with again") {
    daemon.Speak(6);
    REQUIRE(Do(ListReaders{}).ok());
    daemon.Speak(4);
    const auto older = backend->MakeClient(loop.get());
    daemon.Forget();
    REQUIRE(Do(*older, ListReaders{}).ok());
    CHECK(daemon.log() == "version!, version, readers");
    CHECK(MinorsOffered(daemon) == std::vector<std::int32_t>{6, 4});
    daemon.Speak(6);
    const auto newer = backend->MakeClient(loop.get());
    daemon.Forget();
    REQUIRE(Do(*newer, ListReaders{}).ok());
    CHECK(daemon.log() == "version, version, table-size, table");
  }

  TEST_CASE_FIXTURE(WithDaemon, "4:6 is used with a later daemon that accepts it") {
    daemon.Speak(9);
    REQUIRE(Do(ListReaders{}).ok());
    const auto another = backend->MakeClient(loop.get());
    daemon.Forget();
    REQUIRE(Do(*another, ListReaders{}).ok());
    CHECK(daemon.log() == "version, table-size, table");
    CHECK(MinorsOffered(daemon) == std::vector<std::int32_t>{6});
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "a daemon of another protocol is a stopped service, and the detail names both versions") {
    std::string its = "4:7";
    SUBCASE("later than ours, and it refuses ours") {
      daemon.Speak(7, 7);
    }
    SUBCASE("earlier than ours") {
      daemon.Speak(3, 3);
      its = "4:3";
    }
    SUBCASE("another major version") {
      its = "5:4";
      daemon.On(Command::kVersion, [](const Question& question) {
        auto version = question.As<Version>();
        version.major = 5;
        return ReplyOf(version);
      });
    }
    SUBCASE("its own version, which it refuses") {
      its = "4:4";
      daemon.Refuse(Command::kVersion, status::kNoAccess, FakeDaemon::kUntilServed);
    }
    const Error error = ErrorAt(loop, daemon.path());
    CHECK(error.code == status::kServiceStopped);
    CHECK(error.operation == "SCardEstablishContext");
    CHECK(Contains(error.detail, its));
    CHECK(Contains(error.detail, "4:4 to 4:6"));
    const backend::DaemonVersion version = AskDaemonVersion(daemon.path(), 10s);
    CHECK(version.usable.code() == status::kServiceStopped);
    CHECK(std::to_string(version.major) + ":" + std::to_string(version.minor) == its);
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "the version can be requested alone, which counts as the process's first offer") {
    daemon.Speak(5, 5);
    for (int i = 0; i < 2; ++i) {
      const backend::DaemonVersion version = AskDaemonVersion(daemon.path(), 10s);
      CHECK(version.usable.ok());
      CHECK(version.major == 4);
      CHECK(version.minor == 5);
    }
    REQUIRE(Do(ListReaders{}).ok());
    CHECK(daemon.mismatches() == 1);
  }

  TEST_CASE_FIXTURE(WithDaemon, "a daemon that does not answer the version in time is a timeout") {
    daemon.Hold(Command::kVersion);
    const backend::DaemonVersion version = AskDaemonVersion(daemon.path(), 30ms);
    CHECK(version.usable.code() == status::kTimeout);
    CHECK(version.major == 0);
    daemon.LetGo(Command::kVersion);
  }

  TEST_CASE_FIXTURE(WithDaemon, "a program at the socket that is not pcscd is named as such") {
    daemon.On(Command::kVersion, [](const Question& question) {
      auto version = question.As<Version>();
      version.major = 0x50545448;  // "HTTP"
      return ReplyOf(version);
    });
    const Error error = ErrorAt(loop, daemon.path());
    CHECK(error.code == status::kServiceStopped);
    CHECK(Contains(error.detail, "is not pcscd"));
    CHECK(AskDaemonVersion(daemon.path(), 10s).major == 0);
  }

  TEST_CASE_FIXTURE(WithDaemon, "without a daemon there is no service, and the detail gives the reason") {
    const std::string longest(107, 'x');
    for (const std::string& path : {daemon.path() + ".not", longest}) {
      CAPTURE(path);
      const Error error = ErrorAt(loop, path);
      CHECK(error.code == status::kNoService);
      CHECK(error.operation == "SCardEstablishContext");
      CHECK_FALSE(error.detail.empty());
      CHECK(AskDaemonVersion(path, 10s).usable.code() == status::kNoService);
    }
    for (const std::string& path : {std::string(), longest + "x", "/" + std::string(500, 'x')}) {
      CAPTURE(path);
      const Error error = ErrorAt(loop, path);
      CHECK(error.code == status::kInvalidValue);
      CHECK(Contains(error.detail, std::to_string(path.size()) + " bytes, and 1 to 107 are possible"));
      CHECK(AskDaemonVersion(path, 10s).usable.code() == status::kInvalidValue);
    }
    CHECK(Contains(ErrorAt(loop, daemon.path() + ".not").detail, "there is no socket"));
    daemon.Die();
    const Error error = ErrorAt(loop, daemon.path());
    CHECK(error.code == status::kNoService);
    CHECK(Contains(error.detail, "no process listens"));
  }

  TEST_CASE_FIXTURE(WithDaemon, "after a failure to open, the next call tries again") {
    const std::string link = daemon.path() + ".later";
    const auto later = backend::MakeDaemonBackend(link);
    const auto unlucky = later->MakeClient(loop.get());
    CHECK(Do(*unlucky, ListReaders{}).code() == status::kNoService);
    std::filesystem::create_symlink(daemon.path(), link);
    CHECK(Do(*unlucky, ListReaders{}).ok());
  }

  TEST_CASE_FIXTURE(WithDaemon, "a path of the maximum length for a socket is accepted") {
    std::string path = daemon.path() + ".";
    path.append(107 - path.size(), 'x');
    std::filesystem::create_symlink(daemon.path(), path);
    const auto backend_of_path = backend::MakeDaemonBackend(path);
    const auto other = backend_of_path->MakeClient(loop.get());
    CHECK(Do(*other, ListReaders{}).ok());
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "a connection that closes unanswered is a refusal by policy, if the daemon runs") {
    daemon.CloseNewLinks();
    const Error error = ErrorAt(loop, daemon.path());
    CHECK(error.code == status::kSecurityViolation);
    CHECK(Contains(error.detail, "polkit"));
    CHECK(AskDaemonVersion(daemon.path(), 10s).usable.code() == status::kSecurityViolation);
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "a connection that closes in the middle of the version's answer is one, too") {
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, sizeof(Version) - 1}) {
      CAPTURE(length);
      daemon.On(Command::kVersion, [length](const Question& question) {
        return Reply{Bytes(question.message.begin(), question.message.begin() + static_cast<long>(length)), 0,
                     true};
      });
      CHECK(ErrorAt(loop, daemon.path()).code == status::kSecurityViolation);
    }
  }

  TEST_CASE_FIXTURE(WithDaemon, "a daemon that was just restarting is tried again") {
    int closed = 0;
    daemon.On(Command::kVersion, [&closed](const Question& question) {
      if (closed++ == 0) return Reply{Bytes(), 0, true};
      auto version = question.As<Version>();
      return ReplyOf(version);
    });
    CHECK(Do(ListReaders{}).ok());
    CHECK(closed == 2);
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "a connection that closes unanswered at 200 contexts is reported as the limit") {
    std::vector<std::unique_ptr<backend::Client>> clients;
    std::size_t open = 0;
    SUBCASE("with 199 other contexts") {
      open = 199;
    }
    SUBCASE("with 198 it is not") {
      open = 198;
    }
    for (std::size_t i = 0; i < open; ++i) {
      clients.push_back(backend->MakeClient(loop.get()));
      REQUIRE(Do(*clients.back(), ListReaders{}).ok());
    }
    daemon.CloseNewLinks();
    // Also if the caller knows the socket by another path than the daemon.
    const std::string alias = daemon.path() + ".alias";
    std::filesystem::create_symlink(daemon.path(), alias);
    for (const std::string& path : {daemon.path(), alias}) {
      CAPTURE(path);
      const Error error = ErrorAt(loop, path);
      CHECK(error.code == (open == 199 ? status::kServerTooBusy : status::kSecurityViolation));
      CHECK(Contains(error.detail, open == 199 ? "200 contexts" : "polkit"));
      CHECK(AskDaemonVersion(path, 10s).usable.code() == error.code);
    }
  }

  TEST_CASE_FIXTURE(WithDaemon,
                    "without a free descriptor the error is no memory, and the detail names the limit") {
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none = before;
    none.rlim_cur = 0;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const Error error = ErrorAt(loop, daemon.path());
    const Status asked = AskDaemonVersion(daemon.path(), 10s).usable.code();
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(error.code == status::kNoMemory);
    CHECK(error.operation == "socket");
    CHECK(Contains(error.detail, "ulimit -n"));
    CHECK(asked == status::kNoMemory);
    CHECK(Do(ListReaders{}).ok());
  }

  TEST_CASE("a full backlog of the daemon is waited for, without blocking the loop") {
    const std::string directory = (std::filesystem::temp_directory_path() / "full-backlog-XXXXXX").string();
    std::string name = directory;
    REQUIRE(mkdtemp(name.data()) != nullptr);
    const std::string path = name + "/s";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening, 0) == 0);
    const int filling = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(filling, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    {
      DrivenLoop loop;
      const auto backend = backend::MakeDaemonBackend(path);
      const auto client = backend->MakeClient(loop.get());
      const Called called(*client, ListReaders{});
      loop.RunFor(30ms);
      CHECK_FALSE(called.done());
      CHECK(client->GiveUp() == backend::Client::After::kUsable);
      CHECK(AskDaemonVersion(path, 20ms).usable.code() == status::kTimeout);

      const Called again(*client, ListReaders{});
      close(accept(listening, nullptr, nullptr));  // the connection that filled the backlog
      int accepted = -1;
      (void)fcntl(listening, F_SETFL, O_NONBLOCK);
      loop.RunUntil([&] { return (accepted = accept(listening, nullptr, nullptr)) >= 0; });
      close(listening);
      close(accepted);
      loop.RunUntil([&] { return again.done(); });
      CHECK(again.outcome().code() == status::kNoService);
    }
    close(filling);
    std::filesystem::remove_all(name);
  }

  TEST_CASE_FIXTURE(WithDaemon, "a context is valid if its daemon answers") {
    CHECK(Do(CheckContext{}).ok());
    CHECK(Do(CheckContext{}).ok());
    CHECK(daemon.mismatches() == 0);
    daemon.Die();
    CHECK(Do(CheckContext{}).code() == status::kNoService);
    // It stays invalid, as an SCARDCONTEXT would.
    CHECK(Do(ListReaders{}).code() == status::kNoService);
  }

  TEST_CASE_FIXTURE(WithDaemon, "checking a context logs no version mismatch") {
    daemon.Speak(5);
    REQUIRE(Do(CheckContext{}).ok());
    REQUIRE(Do(CheckContext{}).ok());
    CHECK(daemon.mismatches() == 1);
  }
}

}  // namespace
