// A monitor, and what it reports.
#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "answer.h"
#include "channel/monitor.h"
#include "fake_library.h"

namespace pcsc_bridge::test {

// A monitor and its reports as words: "A+ B-" is a card in A and none in B, "none" no reader, else the error.
class Watcher {
 public:
  explicit Watcher(FakeLibrary& library)
      : monitor_(Monitor::Start(library.table(), [state = state_](const Result<Monitor::Picture>& picture) {
          const std::lock_guard<std::mutex> lock(state->mutex);
          state->reports.push_back(Words(picture));
          state->changed.notify_all();
        })) {
    REQUIRE(monitor_ != nullptr);
  }
  ~Watcher() { monitor_->Stop(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  std::string Next() {
    std::unique_lock<std::mutex> lock(state_->mutex);
    REQUIRE(state_->changed.wait_for(lock, kPatience, [&] { return !state_->reports.empty(); }));
    std::string words = state_->reports.front();
    state_->reports.pop_front();
    return words;
  }
  bool silent() {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return state_->reports.empty();
  }
  void Stop() { monitor_->Stop(); }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::string> reports;
  };

  static std::string Words(const Result<Monitor::Picture>& picture) {
    if (!picture) return Describe(picture.code()).name;
    std::string words;
    for (const ReaderStatus& reader : picture.value()) {
      words += (words.empty() ? "" : " ") + reader.reader;
      if ((reader.state & reader_state::kUnknown) != 0) {
        words += "?";
      } else {
        words += (reader.state & reader_state::kPresent) != 0 ? "+" : "-";
      }
    }
    return words.empty() ? "none" : words;
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::shared_ptr<Monitor> monitor_;
};

}  // namespace pcsc_bridge::test
