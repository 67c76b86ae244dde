#include "session/logind_source.h"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "session/user_name.h"

namespace {

using pcsc_bridge::LogindSource;
using pcsc_bridge::Result;
using pcsc_bridge::Session;
using pcsc_bridge::SessionSource;
using pcsc_bridge::UserName;
namespace status = pcsc_bridge::status;

// 2024-11-27 12:00:00.5 UTC, in both units.
constexpr std::uint64_t kMicroseconds = 1732708800500000;
constexpr std::uint64_t kFiletime = 133771824005000000;

constexpr char kSystemd253[] = TEST_OUTPUT_DIR "/libfake_systemd_253.so";
constexpr char kSystemd254[] = TEST_OUTPUT_DIR "/libfake_systemd_254.so";

// The stand-in for systemd's library. Every test starts with one that has no sessions.
class FakeSystemd {
 public:
  explicit FakeSystemd(const char* path) : source(path), handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    REQUIRE(handle_ != nullptr);
    Variable<const char*>("fake_session") = nullptr;
    Variable<const char*>("fake_display") = nullptr;
    Variable<unsigned>("fake_uid") = getuid();
    Variable<std::uint64_t>("fake_start") = kMicroseconds;
    Variable<int>("fake_bus_error") = 0;
    Variable<std::atomic<int>>("fake_bus_calls") = 0;
  }
  ~FakeSystemd() { dlclose(handle_); }
  FakeSystemd(const FakeSystemd&) = delete;
  FakeSystemd& operator=(const FakeSystemd&) = delete;

  template <class T>
  T& Variable(const char* name) {
    return *static_cast<T*>(dlsym(handle_, name));
  }

  LogindSource source;

 private:
  void* const handle_;
};

TEST_CASE("a numeric logind session keeps its number") {
  FakeSystemd systemd(kSystemd254);
  systemd.Variable<const char*>("fake_session") = "42";
  const Result<Session> session = systemd.source.Ask(1);
  REQUIRE(session.ok());
  CHECK(session.value().identity.id == 42);
  CHECK(session.value().identity.connect_time == kFiletime);
  CHECK(session.value().source == SessionSource::kLogind);
  CHECK(session.value().user == UserName(getuid()));
}

TEST_CASE("logind's counted sessions have a number range of their own") {
  FakeSystemd systemd(kSystemd254);
  systemd.Variable<const char*>("fake_session") = "c42";
  const Result<Session> session = systemd.source.Ask(1);
  REQUIRE(session.ok());
  CHECK(session.value().identity.id == 0x8000002a);
}

TEST_CASE("a logind session id in another format is rejected") {
  FakeSystemd systemd(kSystemd254);
  for (const char* id :
       {"", "c", "x1", "12a", "-1", "c-1", "2147483648", "c2147483648", "99999999999999999999"}) {
    CAPTURE(id);
    systemd.Variable<const char*>("fake_session") = id;
    const Result<Session> session = systemd.source.Ask(1);
    CHECK(session.code() == status::kSessionUnknown);
  }
}

TEST_CASE("systemd 254 returns the start time without D-Bus") {
  FakeSystemd systemd(kSystemd254);
  systemd.Variable<const char*>("fake_session") = "7";
  CHECK(systemd.source.Ask(1).value().identity.connect_time == kFiletime);
  CHECK(systemd.Variable<std::atomic<int>>("fake_bus_calls") == 0);
}

TEST_CASE("before systemd 254 the start time is read over D-Bus and is the same") {
  FakeSystemd systemd(kSystemd253);
  systemd.Variable<const char*>("fake_session") = "7";
  CHECK(systemd.source.Ask(1).value().identity.connect_time == kFiletime);
  CHECK(systemd.Variable<std::atomic<int>>("fake_bus_calls") == 1);
  CHECK(std::string(&systemd.Variable<char>("fake_path")) == "/org/freedesktop/login1/session/_7");
  CHECK(systemd.Variable<std::atomic<int>>("fake_open_buses") == 0);
}

TEST_CASE("without the bus the connect time is unknown and the session still known") {
  FakeSystemd systemd(kSystemd253);
  systemd.Variable<const char*>("fake_session") = "7";
  systemd.Variable<int>("fake_bus_error") = -ENOENT;
  const Result<Session> session = systemd.source.Ask(1);
  REQUIRE(session.ok());
  CHECK(session.value().identity.id == 7);
  CHECK(session.value().identity.connect_time == 0);
}

TEST_CASE("a program of the user's service manager belongs to the display session") {
  FakeSystemd systemd(kSystemd254);
  systemd.Variable<const char*>("fake_display") = "3";
  const Result<Session> session = systemd.source.Ask(1);
  REQUIRE(session.ok());
  CHECK(session.value().identity.id == 3);
}

TEST_CASE("a process without a session is not handled by logind") {
  FakeSystemd systemd(kSystemd254);
  const Result<Session> session = systemd.source.Ask(77);
  CHECK(session.code() == status::kSessionUnknown);
  CHECK(session.error().operation == "sd_pid_get_session");
  CHECK(session.error().detail.find("77") != std::string::npos);
}

TEST_CASE("a missing systemd library is a reason, not a crash") {
  const LogindSource source("/nonexistent/libsystemd.so.0");
  const Result<Session> session = source.Ask(1);
  CHECK(session.code() == status::kSessionUnknown);
  CHECK(session.error().detail.find("/nonexistent/libsystemd.so.0") != std::string::npos);
}

TEST_CASE("a library without systemd's functions is rejected") {
  const LogindSource source("libc.so.6");
  const Result<Session> session = source.Ask(1);
  CHECK(session.code() == status::kSessionUnknown);
  CHECK(session.error().detail.find("sd_pid_get_session") != std::string::npos);
}

TEST_CASE("threads may query logind at once") {
  FakeSystemd systemd(kSystemd254);
  systemd.Variable<const char*>("fake_session") = "c5";
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int question = 0; question < 50; ++question) {
        right += systemd.source.Ask(1).value().identity.connect_time == kFiletime ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 200);
}

}  // namespace
