// A stand-in daemon and a loop that the test drives.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "answer.h"
#include "backend/daemon/backend.h"
#include "backend/daemon/protocol.h"
#include "fake_daemon.h"
#include "loop/loop.h"
#include "pcsc/secret.h"

namespace pcsc_bridge::test {

using daemon::Command;

// Bytes that differ from their neighbours.
inline Bytes Pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return bytes;
}

inline std::shared_ptr<const SecretBytes> Secretly(Bytes bytes) {
  return std::make_shared<const SecretBytes>(std::move(bytes));
}

class DrivenLoop {
 public:
  DrivenLoop() { REQUIRE(loop_); }
  ~DrivenLoop() { End(); }

  const std::shared_ptr<Loop>& get() const { return loop_; }
  Loop* operator->() const { return loop_.get(); }

  template <class Condition>
  void RunUntil(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      // The condition may become true without the loop.
      pollfd wait{loop_->descriptor(), POLLIN, 0};
      (void)poll(&wait, 1, 1);
      loop_->RunDue();
    }
  }
  void RunFor(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    RunUntil([&] { return std::chrono::steady_clock::now() >= end; });
  }
  void End() { loop_->End(); }

 private:
  const std::shared_ptr<Loop> loop_ = Loop::Create();
};

// The result of a call: must arrive once, and never within Start.
class Called {
 public:
  Called(backend::Client& client, backend::Call call) {
    client.Start(std::move(call), [outcome = outcome_](backend::Outcome come) {
      CHECK_FALSE(outcome->has_value());
      outcome->emplace(std::move(come));
    });
    CHECK_FALSE(done());
  }
  bool done() const { return outcome_->has_value(); }
  backend::Outcome& outcome() const { return **outcome_; }

 private:
  const std::shared_ptr<std::optional<backend::Outcome>> outcome_ =
      std::make_shared<std::optional<backend::Outcome>>();
};

struct WithDaemon {
  backend::Outcome Do(backend::Client& of, backend::Call call) {
    const Called called(of, std::move(call));
    loop.RunUntil([&] { return called.done(); });
    return called.outcome();
  }
  backend::Outcome Do(backend::Call call) { return Do(*client, std::move(call)); }
  void RunUntilAsked(Command command, std::size_t count = 1) {
    loop.RunUntil([&] { return daemon.count(command) >= count; });
  }
  void Connect(ShareMode share_mode = ShareMode::kShared) {
    daemon.AddReader("R");
    REQUIRE(Do(backend::Connect{"R", share_mode, kT0 | kT1}).ok());
    daemon.Forget();
  }
  void Begin() {
    REQUIRE(Do(backend::Begin{}).ok());
    daemon.Forget();
  }
  void RunUntilNoLink() {
    loop.RunUntil([&] { return daemon.links() == 0; });
  }

  FakeDaemon daemon;
  DrivenLoop loop;
  const std::unique_ptr<backend::Backend> backend = backend::MakeDaemonBackend(daemon.path());
  std::unique_ptr<backend::Client> client = backend->MakeClient(loop.get());
};

// With a card, shared.
struct WithCard : WithDaemon {
  WithCard() { Connect(); }
};

}  // namespace pcsc_bridge::test
