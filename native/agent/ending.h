// The end of the agent: asked for by anybody, once, waited for by main.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

namespace pcsc_bridge::agent {

struct End {
  int status = 0;
  std::string why;  // for people, where it is a failure
};

// Thread safe. The first end counts.
class Ending {
 public:
  void Tell(int status, std::string why = "");
  // What the agent has come to, for Wait's time limit.
  enum class Stage { kConnecting, kGreeting, kWorking };
  void Reach(Stage stage);
  Stage stage() const;

  // Waits for the end; with a limit only until the stage kWorking is reached. Nothing when the limit is.
  std::optional<End> Wait(std::chrono::milliseconds limit_to_work);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<End> end_;
  Stage stage_ = Stage::kConnecting;
};

}  // namespace pcsc_bridge::agent
