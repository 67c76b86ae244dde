#include "agent/outbox.h"

#include <doctest/doctest.h>

#include <future>
#include <string>
#include <vector>

namespace {

using namespace pcsc_bridge::agent;
using namespace std::chrono_literals;

// Accepts writes while its gate is open.
class Sink final : public Stream {
 public:
  Outcome Read(char*, std::size_t, std::size_t&) override { return Outcome::kEnd; }
  bool Write(std::string_view bytes) override {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
    if (broken_) return false;
    text_.append(bytes);
    return true;
  }
  std::string reason() const override { return "broken"; }

  void Open(bool broken = false) {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    broken_ = broken;
    changed_.notify_all();
  }
  std::string text() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool broken_ = false;
  std::string text_;
};

struct Box {
  std::shared_ptr<Sink> sink = std::make_shared<Sink>();
  std::shared_ptr<std::promise<std::string>> failed = std::make_shared<std::promise<std::string>>();
  std::shared_ptr<Outbox> outbox =
      std::make_shared<Outbox>(sink, [f = failed](std::string why) { f->set_value(std::move(why)); });
};

TEST_CASE("lines are written in order") {
  Box box;
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    box.outbox->Push(std::to_string(i) + "\n");
    all += std::to_string(i) + "\n";
  }
  box.sink->Open();
  box.outbox->Drain(10s);
  CHECK(box.sink->text() == all);
}

TEST_CASE("a slow reader blocks no sender of lines, but blocks the acceptance of requests") {
  Box box;
  const std::string line(Outbox::kEnough / 2, 'x');
  box.outbox->Push(line);
  CHECK(box.outbox->WaitForRoom(0ms));
  box.outbox->Push(line);
  CHECK_FALSE(box.outbox->WaitForRoom(1ms));
  box.sink->Open();
  CHECK(box.outbox->WaitForRoom(10s));
  box.outbox->Drain(10s);
}

TEST_CASE("more data than the limit ends the link, once") {
  Box box;
  const std::string line(Outbox::kTooMuch / 4, 'x');
  for (int i = 0; i < 10; ++i) box.outbox->Push(line);
  CHECK(box.failed->get_future().get().find("the other side does not read the answers") == 0);
  CHECK_FALSE(box.outbox->WaitForRoom(10s));
  box.sink->Open();
}

TEST_CASE("a stream that accepts no more data ends the link, and blocks no caller") {
  Box box;
  box.outbox->Push("a\n");
  box.outbox->Push("b\n");
  box.sink->Open(true);
  CHECK(box.failed->get_future().get() == "broken");
  box.outbox->Drain(10s);
  CHECK_FALSE(box.outbox->WaitForRoom(10s));
  CHECK(box.sink->text().empty());
}

}  // namespace
