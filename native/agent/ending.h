// The end of the agent: any thread can request it, the first request counts, and main waits for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

namespace pcsc_bridge::agent {

struct End {
  int status = 0;
  std::string why;  // for people, if it is a failure
};

// Thread safe. The first end counts.
class Ending {
 public:
  void Tell(int status, std::string why = "");
  // The stage that the agent has reached, for Wait's time limit.
  enum class Stage { kConnecting, kGreeting, kWorking };
  void Reach(Stage stage);
  Stage stage() const;

  // Waits for the end; the limit applies only until the stage kWorking is reached. Returns no value if it
  // expires.
  std::optional<End> Wait(std::chrono::milliseconds limit_to_work);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<End> end_;
  Stage stage_ = Stage::kConnecting;
};

}  // namespace pcsc_bridge::agent
