// The system's item cache with a library that behaves as Windows documents it.
#include "cache/system_items.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pcsc_bridge {
namespace {

using std::chrono::seconds;

struct Service {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> calls;
  Bytes stored;
  int contexts = 0;
  abi::ContextHandle valid_context = 0;  // the result of a call with another context:
  Status dead_code = status::kInvalidHandle;
  bool stuck = false;
  bool entered = false;
  std::thread::id thread;
};

Service& TheService() {
  static Service service;
  return service;
}

abi::Long Code(Status status) {
  return static_cast<abi::Long>(status);
}

abi::Long Establish(abi::Dword, const void*, const void*, abi::ContextHandle* context) {
  const std::lock_guard<std::mutex> lock(TheService().mutex);
  *context = TheService().valid_context = ++TheService().contexts;
  return 0;
}

abi::Long Release(abi::ContextHandle) {
  return 0;
}

Status Enter(const std::string& call, abi::ContextHandle context) {
  Service& service = TheService();
  std::unique_lock<std::mutex> lock(service.mutex);
  service.calls.push_back(call);
  service.thread = std::this_thread::get_id();
  service.entered = true;
  service.changed.notify_all();
  service.changed.wait(lock, [&] { return !service.stuck; });
  return context == service.valid_context ? status::kSuccess : service.dead_code;
}

abi::Long Read(abi::ContextHandle context, void* card, abi::Dword freshness, abi::Char* name,
               unsigned char* data, abi::Dword* length) {
  const int last = static_cast<unsigned char*>(card)[15];
  const std::string text =
      std::string("read ") + name + " of " + std::to_string(last) + " at " + std::to_string(freshness);
  const Status code = Enter(text, context);
  if (code != status::kSuccess) return Code(code);
  if (freshness == 99) return Code(status::kCacheItemStale);
  const Bytes& stored = TheService().stored;
  const bool fits = stored.size() <= *length;
  *length = static_cast<abi::Dword>(stored.size());
  if (!fits) return Code(status::kInsufficientBuffer);
  std::copy(stored.begin(), stored.end(), data);
  return 0;
}

abi::Long Write(abi::ContextHandle context, void*, abi::Dword, abi::Char* name, unsigned char* data,
                abi::Dword length) {
  const Status code = Enter(std::string("write ") + name, context);
  if (code != status::kSuccess) return Code(code);
  if (length > 100'000) return Code(status::kCacheItemTooBig);
  TheService().stored.assign(data, data + length);
  return 0;
}

SystemItems& Items() {
  static Library table;
  table.establish_context = Establish;
  table.release_context = Release;
  table.read_cache = Read;
  table.write_cache = Write;
  static auto* const items = new SystemItems(table);  // its worker may outlive the test
  return *items;
}

ItemKey Key(const std::string& name) {
  ItemKey key{{}, name};
  key.card[15] = 5;
  return key;
}

template <class T>
struct Asked {
  std::future<Result<T>> answer;
  std::shared_ptr<Cancellable> operation;

  Result<T> Get() {
    REQUIRE(answer.wait_for(seconds(10)) == std::future_status::ready);
    return answer.get();
  }
};

Asked<Bytes> AskRead(const std::string& name, std::uint32_t freshness = 0) {
  auto promise = std::make_shared<std::promise<Result<Bytes>>>();
  auto operation = Items().Read(Key(name), freshness, [promise](auto r) { promise->set_value(r); });
  return {promise->get_future(), operation};
}

Asked<Done> AskWrite(const std::string& name, Bytes data) {
  auto promise = std::make_shared<std::promise<Result<Done>>>();
  auto operation = Items().Write(Key(name), 0, std::move(data), [promise](auto r) { promise->set_value(r); });
  return {promise->get_future(), operation};
}

void SetStuck(bool stuck) {
  const std::lock_guard<std::mutex> lock(TheService().mutex);
  TheService().stuck = stuck;
  TheService().entered = false;
  TheService().changed.notify_all();
}

TEST_CASE("the system's items are read and written outside the caller's thread") {
  REQUIRE(AskWrite("cert", {1, 2, 3}).Get());
  const Result<Bytes> read = AskRead("cert", 7).Get();
  REQUIRE(read);
  CHECK(read.value() == Bytes{1, 2, 3});
  CHECK(TheService().calls.back() == "read cert of 5 at 7");
  const bool elsewhere = TheService().thread != std::this_thread::get_id();
  CHECK(elsewhere);
}

TEST_CASE("an item larger than the first buffer is requested again") {
  REQUIRE(AskWrite("large", Bytes(100'000, 8)).Get());
  const Result<Bytes> read = AskRead("large").Get();
  REQUIRE(read);
  CHECK(read.value() == Bytes(100'000, 8));
}

TEST_CASE("the system's errors name their function") {
  const Result<Bytes> stale = AskRead("cert", 99).Get();
  CHECK(stale.code() == status::kCacheItemStale);
  CHECK(stale.error().operation == "SCardReadCache");
  const Result<Done> too_big = AskWrite("huge", Bytes(100'001)).Get();
  CHECK(too_big.code() == status::kCacheItemTooBig);
  CHECK(too_big.error().operation == "SCardWriteCache");
}

TEST_CASE("a restarted service requires a new context and nothing else") {
  for (const Status code : {status::kInvalidHandle, status::kServiceStopped, status::kSystemCancelled,
                            status::kWindowsInvalidHandle, status::kWindowsBrokenPipe}) {
    REQUIRE(AskWrite("cert", {4}).Get());
    const int before = TheService().contexts;
    TheService().dead_code = code;
    TheService().valid_context = 0;
    CHECK(AskRead("cert").Get());
    CHECK(TheService().contexts == before + 1);
  }
}

TEST_CASE("calls are made in the order of the requests, and a cancelled one never") {
  SetStuck(true);
  Asked<Done> first = AskWrite("first", {1});
  {
    std::unique_lock<std::mutex> lock(TheService().mutex);
    REQUIRE(TheService().changed.wait_for(lock, seconds(10), [] { return TheService().entered; }));
    TheService().calls.clear();
  }
  Asked<Done> second = AskWrite("second", {2});
  Asked<Bytes> third = AskRead("third");
  Asked<Done> fourth = AskWrite("fourth", {4});
  third.operation->Cancel();
  CHECK(third.Get().code() == status::kCancelled);
  first.operation->Cancel();
  CHECK(first.Get().code() == status::kCancelled);  // at once, although the call is stuck

  SetStuck(false);
  CHECK(second.Get());
  CHECK(fourth.Get());
  CHECK(TheService().calls == std::vector<std::string>{"write second", "write fourth"});
}

}  // namespace
}  // namespace pcsc_bridge
