#include "agent/requests.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "answer.h"

namespace {

namespace status = pcsc_bridge::status;
using namespace pcsc_bridge::agent;
using namespace std::chrono_literals;
using pcsc_bridge::Cancellable;
using pcsc_bridge::CancelledError;
using pcsc_bridge::Error;
using pcsc_bridge::Loop;

// Collects the lines that are sent. The loop is driven by the test's thread.
struct Sent {
  std::vector<std::string> lines;
  std::shared_ptr<Loop> loop = Loop::Create();

  std::shared_ptr<Requests> MakeRequests() {
    return std::make_shared<Requests>(loop, [this](std::string line) { lines.push_back(std::move(line)); });
  }
  std::string Code(std::size_t at = 0) { return Json::parse(lines.at(at))["error"]["code"]; }
};

// An operation in progress that ends at once when it is cancelled, like those of the core.
struct Wait final : Cancellable {
  explicit Wait(std::shared_ptr<Request> r) : request(std::move(r)) {}
  void Cancel() override {
    ++cancelled;
    if (ended) return;
    request->Fail(CancelledError());
  }
  std::shared_ptr<Request> request;
  bool ended = false;
  int cancelled = 0;
};

TEST_CASE("a request is answered once") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  const auto request = requests->Begin(7, "hold");
  request->Succeed({{"card", 1}});
  request->Succeed({{"card", 2}});
  request->Fail(Error{status::kNoMemory, "", "", ""});
  CHECK(sent.lines == std::vector<std::string>{"{\"id\":7,\"result\":{\"card\":1}}\n"});
  CHECK_FALSE(requests->Cancel(7));
  CHECK_NOTHROW(requests->Begin(7, "hold"));
  requests->Close();
}

TEST_CASE("an id stays in use until its request is answered, and 256 requests may be in progress") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  std::vector<std::shared_ptr<Request>> under_way;
  for (std::uint64_t id = 0; id < Requests::kMost; ++id) under_way.push_back(requests->Begin(id, "x"));
  CHECK_THROWS_WITH_AS(requests->Begin(5, "x"), "A request with this id is under way", Refusal);
  CHECK_THROWS_WITH_AS(requests->Begin(1000, "x"), "256 requests are under way", Refusal);
  under_way[3]->Succeed(Json::object());
  CHECK_NOTHROW(requests->Begin(1000, "x"));
  requests->Close();
}

TEST_CASE("a cancelled request is answered as cancelled, and its operation is cancelled") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  const auto request = requests->Begin(7, "hold");
  const auto wait = std::make_shared<Wait>(request);
  request->Attach(wait);
  CHECK(requests->Cancel(7));
  CHECK(wait->cancelled == 1);
  CHECK(sent.Code() == "CANCELLED");
  CHECK_FALSE(requests->Cancel(7));
  wait->request = nullptr;
}

TEST_CASE("a cancel that arrives as the operation ends reports that it was too late") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  const auto request = requests->Begin(7, "hold");
  const auto wait = std::make_shared<Wait>(request);
  wait->ended = true;
  request->Attach(wait);
  CHECK_FALSE(requests->Cancel(7));
  request->Succeed(Json::object());
  CHECK(sent.lines == std::vector<std::string>{"{\"id\":7,\"result\":{}}\n"});
  wait->request = nullptr;
}

TEST_CASE("a request whose timeout expires is answered with TIMEOUT") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  const auto request = requests->Begin(7, "hold");
  const auto wait = std::make_shared<Wait>(request);
  request->Attach(wait, 1ms);
  CHECK(sent.lines.empty());
  CHECK(pcsc_bridge::test::Eventually([&] {
    sent.loop->RunDue();
    return !sent.lines.empty();
  }));
  REQUIRE(sent.lines.size() == 1);
  CHECK(sent.Code() == "TIMEOUT");
  CHECK(sent.lines.at(0).find("1 ms") != std::string::npos);
  CHECK(wait->cancelled == 1);
  wait->request = nullptr;
}

TEST_CASE("a request that is answered in time has no timeout afterwards") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  const auto request = requests->Begin(7, "hold");
  const auto wait = std::make_shared<Wait>(request);
  request->Attach(wait, 1ms);
  request->Succeed(Json::object());
  bool fired = false;
  const Loop::Timer after = sent.loop->After(5ms, [&] { fired = true; });
  CHECK(pcsc_bridge::test::Eventually([&] {
    sent.loop->RunDue();
    return fired;
  }));
  CHECK(wait->cancelled == 0);
  CHECK(sent.lines.size() == 1);
  wait->request = nullptr;
}

TEST_CASE("an operation that ends as cancelled without a cancel is answered as closed") {
  Sent sent;
  sent.MakeRequests()->Begin(7, "exchange")->Fail(CancelledError());
  CHECK(sent.Code() == "BRIDGE_E_CLOSED");
}

TEST_CASE("an operation attached to an already cancelled request is cancelled") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  const auto request = requests->Begin(7, "hold");
  requests->Close();
  CHECK(sent.Code() == "CANCELLED");
  const auto wait = std::make_shared<Wait>(request);
  request->Attach(wait);
  CHECK(wait->cancelled == 1);
  CHECK(sent.lines.size() == 1);
  CHECK_THROWS_AS(requests->Begin(8, "hold"), Refusal);
  wait->request = nullptr;
}

TEST_CASE("a watch is answered, stays in progress, and is cancelled without another answer") {
  Sent sent;
  const auto requests = sent.MakeRequests();
  const auto request = requests->Begin(7, "watch");
  const auto watch = std::make_shared<Wait>(request);
  watch->ended = true;
  request->Watch({{"watching", true}}, watch);
  CHECK(sent.lines.size() == 1);
  CHECK_THROWS_AS(requests->Begin(7, "x"), Refusal);
  CHECK(requests->Cancel(7));
  CHECK(watch->cancelled == 1);
  CHECK(sent.lines.size() == 1);
  CHECK_NOTHROW(requests->Begin(7, "x"));
  requests->Close();
  watch->request = nullptr;
}

TEST_CASE("a response that is too long for a message is reported as too long") {
  Sent sent;
  sent.MakeRequests()->Begin(7, "exchange")->Succeed({{"response", std::string(300000, '0')}});
  CHECK(sent.Code() == "SCARD_E_INSUFFICIENT_BUFFER");
}

}  // namespace
