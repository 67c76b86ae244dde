// pcscd's socket, in each state in which a doctor may find it.
#include "doctor/pcscd_socket.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "answer.h"

namespace {

using pcsc_bridge::doctor::AskDaemon;
using pcsc_bridge::test::kPatience;

// A daemon that serves one client.
class FakeDaemon {
 public:
  explicit FakeDaemon(std::function<void(int client)> serve = nullptr) {
    std::string name = (std::filesystem::temp_directory_path() / "fake-pcscd-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(listening_, 1) == 0);
    if (serve) {
      thread_ = std::thread([this, serve = std::move(serve)] {
        const int client = accept(listening_, nullptr, nullptr);
        serve(client);
        close(client);
      });
    }
  }
  ~FakeDaemon() {
    if (thread_.joinable()) thread_.join();
    if (listening_ >= 0) close(listening_);
    std::filesystem::remove_all(directory_);
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  std::string path() const { return (directory_ / "pcscd.comm").string(); }
  void StopListening() {
    close(listening_);
    listening_ = -1;
  }

 private:
  std::filesystem::path directory_;
  int listening_ = -1;
  std::thread thread_;
};

std::array<std::uint32_t, 5> ReadQuestion(int client) {
  std::array<std::uint32_t, 5> question{};
  CHECK(recv(client, question.data(), sizeof(question), MSG_WAITALL) == sizeof(question));
  return question;
}

std::string ReasonOf(const std::string& path, std::chrono::milliseconds limit = kPatience) {
  const auto answer = AskDaemon(path, limit);
  CHECK_FALSE(answer.protocol.known());
  CHECK_FALSE(answer.refuses);
  return answer.protocol.reason;
}

bool Contains(const std::string& text, const char* words) {
  return text.find(words) != std::string::npos;
}

TEST_CASE("a daemon tells the protocol that it speaks, however slowly its answer comes") {
  const FakeDaemon daemon([](int client) {
    const std::array<std::uint32_t, 5> question = ReadQuestion(client);
    CHECK(question[0] == 12);    // what follows the header
    CHECK(question[1] == 0x11);  // CMD_VERSION
    const std::int32_t answer[] = {4, 5, 0};
    const char* bytes = reinterpret_cast<const char*>(answer);
    CHECK(send(client, bytes, 5, 0) == 5);
    std::this_thread::yield();
    CHECK(send(client, bytes + 5, sizeof(answer) - 5, 0) == sizeof(answer) - 5);
  });
  const auto asked = AskDaemon(daemon.path(), kPatience);
  REQUIRE(asked.protocol.known());
  CHECK(*asked.protocol == "4:5");
  CHECK_FALSE(asked.refuses);
}

TEST_CASE("a daemon that closes the connection, before the question or after it, refuses") {
  const std::function<void(int)> daemons[] = {[](int) {}, [](int client) { ReadQuestion(client); }};
  for (const auto& serve : daemons) {
    const FakeDaemon daemon(serve);
    const auto answer = AskDaemon(daemon.path(), kPatience);
    CHECK_FALSE(answer.protocol.known());
    CHECK(answer.refuses);
    CHECK(Contains(answer.protocol.reason, "too many clients"));
  }
}

TEST_CASE("a daemon that accepts and says nothing is given up") {
  const FakeDaemon daemon;  // the system accepts for it
  CHECK(Contains(ReasonOf(daemon.path(), std::chrono::milliseconds(50)), "does not answer"));
}

TEST_CASE("a socket without a daemon, and no socket at all, are told apart") {
  FakeDaemon daemon;
  daemon.StopListening();
  CHECK(Contains(ReasonOf(daemon.path()), "has ended without tidying up"));
  CHECK(Contains(ReasonOf(daemon.path() + ".not"), "there is no such socket"));
}

TEST_CASE("a path that no socket can have is refused") {
  CHECK(Contains(ReasonOf(""), "empty or too long"));
  CHECK(Contains(ReasonOf("/" + std::string(500, 'x')), "empty or too long"));
}

}  // namespace
