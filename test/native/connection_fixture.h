// Connections to the cards of a stand-in backend, on a loop that the test drives.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "answer.h"
#include "card/connection.h"
#include "stand_in_backend.h"

namespace pcsc_bridge::test {

inline const SessionIdentity kAnna{1, 100, 0};
inline const SessionIdentity kBert{2, 100, 0};

inline std::shared_ptr<const SecretBytes> Apdu(Bytes bytes) {
  return std::make_shared<SecretBytes>(std::move(bytes));
}
// VERIFY with the PIN of the named user; PSO: COMPUTE DIGITAL SIGNATURE, which the stand-in signs with that
// name.
inline std::shared_ptr<const SecretBytes> Verify(const std::string& name) {
  Bytes apdu{0x00, 0x20, 0, 0, static_cast<std::uint8_t>(name.size())};
  for (const char c : name) apdu.push_back(static_cast<std::uint8_t>(c));
  return Apdu(std::move(apdu));
}
inline std::shared_ptr<const SecretBytes> Sign() {
  return Apdu({0x00, 0x2a, 0, 0});
}
inline std::string SignedBy(const Bytes& response) {
  return std::string(response.begin(), response.end() - 2);
}

// The result of an operation that runs on the test's own loop.
template <class T>
class Given {
 public:
  Connection::Answer<T> Take() {
    return [state = state_](Result<T> result) {
      CHECK_FALSE(state->has_value());
      state->emplace(std::move(result));
    };
  }
  bool come() const { return state_->has_value(); }
  Status code() const {
    REQUIRE(come());
    return (*state_)->code();
  }
  T& value() const {
    REQUIRE(code() == status::kSuccess);
    return (*state_)->value();
  }
  const Error& error() const {
    REQUIRE(code() != status::kSuccess);
    return (*state_)->error();
  }

 private:
  std::shared_ptr<std::optional<Result<T>>> state_ = std::make_shared<std::optional<Result<T>>>();
};

class ConnectionFixture {
 public:
  ConnectionFixture() { world.reader("A"); }
  ~ConnectionFixture() {
    scope->End();
    world.GoOn();
    for (const char* call : {"connect", "begin", "transmit", "end", "disconnect", "reconnect", "status"}) {
      world.Unstick(call);
    }
    world.Change("A", [](StandInBackend::Reader& reader) { reader.foreign_transaction = false; });
    Run();
    // Nothing is left: every client has been released and every reader is free.
    CHECK(world.contexts() == 0);
    CHECK_FALSE(ReaderQueue::OfProcess().IsTaken("A"));
    loop->End();
  }

  std::shared_ptr<Connection> Make(CardOwner owner = {}, std::function<Disposition()> owed = nullptr) {
    return Connection::Create({scope, backend::Always(world), users, owner, std::move(owed)});
  }
  std::shared_ptr<Connection> MakeOpen(CardOwner owner = {}, std::function<Disposition()> owed = nullptr) {
    const std::shared_ptr<Connection> made = Make(owner, std::move(owed));
    Given<Protocols> connected;
    made->Connect(A(), connected.Take());
    Run();
    REQUIRE(connected.code() == status::kSuccess);
    return made;
  }
  static ConnectParameters A() { return {"A", ShareMode::kShared, kT0 | kT1, false}; }
  static std::shared_ptr<const ConnectParameters> Shared(ConnectParameters parameters) {
    return std::make_shared<const ConnectParameters>(std::move(parameters));
  }
  static CardOwner Guarded(const SessionIdentity& identity, bool trusts_unknown = false) {
    return {identity, true, trusts_unknown};
  }

  void Run() {
    while (loop->RunDue() > 0) {
    }
  }
  template <class Condition>
  bool RunUntil(Condition condition) {
    return Eventually([&] {
      loop->RunDue();
      return condition();
    });
  }
  void Hold() {
    world.Change("A", [](StandInBackend::Reader& reader) { reader.foreign_transaction = true; });
  }
  void Free() {
    world.Change("A", [](StandInBackend::Reader& reader) { reader.foreign_transaction = false; });
    Run();
  }

  // Operations, waiting for their results.
  Status Begin(Connection& connection, OnReset on_reset = OnReset::kReconnect) {
    Given<BeginOutcome> answer;
    connection.Begin(on_reset, answer.Take());
    Run();
    return answer.code();
  }
  Status End(Connection& connection, Disposition disposition) {
    Given<Done> answer;
    connection.End(disposition, answer.Take());
    Run();
    return answer.code();
  }
  Result<Bytes> Transmit(Connection& connection, std::shared_ptr<const SecretBytes> apdu) {
    std::optional<Result<Bytes>> got;
    connection.Transmit(std::move(apdu), [&got](Result<Bytes> result) { got.emplace(std::move(result)); });
    Run();
    REQUIRE(got.has_value());
    return std::move(*got);
  }

  StandInBackend::Reader& card() { return world.reader("A"); }

  const std::shared_ptr<Loop> loop = Loop::Create();
  StandInBackend world{loop};
  const std::shared_ptr<Scope> scope = std::make_shared<Scope>(loop);
  const std::shared_ptr<CardUsers> users = std::make_shared<CardUsers>();
};

}  // namespace pcsc_bridge::test
