// A client of the library backend, with its loop on another thread than the test's.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "answer.h"
#include "backend/library/backend.h"
#include "fake_library.h"
#include "loop/loop.h"

namespace pcsc_bridge::test {

inline const std::shared_ptr<Loop>& TestLoop() {
  static const std::shared_ptr<Loop> loop = Loop::OfProcess();
  REQUIRE(loop);
  return loop;
}

template <class Do>
void OnLoop(Do act) {
  (void)TestLoop()->Sync([&] {
    act();
    return true;
  });
}

inline backend::Transmit TransmitOf(const Bytes& apdu) {
  return {std::make_shared<const SecretBytes>(apdu)};
}

inline backend::Connect ConnectTo(const std::string& reader, ShareMode share_mode = ShareMode::kShared) {
  return {reader, share_mode, kT0 | kT1};
}

class TestClient {
 public:
  using Outcome = backend::Outcome;
  using After = backend::Client::After;

  explicit TestClient(FakeLibrary& library) {
    OnLoop([&] { client_ = backend::MakeLibraryBackend(library.table())->MakeClient(TestLoop()); });
  }
  ~TestClient() { Destroy(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  Answer<backend::Reply> Start(backend::Call call) {
    Answer<backend::Reply> answer;
    OnLoop([&] { client_->Start(std::move(call), answer.Take()); });
    return answer;
  }
  // For a test that already runs on the loop's thread.
  void StartOnLoop(backend::Call call, backend::Answer done) {
    client_->Start(std::move(call), std::move(done));
  }
  Outcome Make(backend::Call call) { return Start(std::move(call)).Wait(); }
  After GiveUp() {
    return TestLoop()->Sync([&] { return client_->GiveUp(); });
  }
  // Signalled when nothing is left to do.
  std::shared_ptr<Moment> Retire(Disposition disposition) {
    auto released = std::make_shared<Moment>();
    OnLoop([&] { client_->Retire(disposition, [released] { released->Come(); }); });
    return released;
  }
  void Destroy() {
    OnLoop([&] { client_.reset(); });
  }

 private:
  std::unique_ptr<backend::Client> client_;
};

// A reader R with a card, and a client that is connected to it.
struct Connected {
  Connected() {
    library.AddReader("R");
    const backend::Outcome outcome = client.Make(ConnectTo("R"));
    REQUIRE(outcome.ok());
    CHECK(outcome.value().protocol == kT1);
  }
  FakeLibrary library;
  TestClient client{library};
};

}  // namespace pcsc_bridge::test
