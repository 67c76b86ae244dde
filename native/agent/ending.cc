#include "agent/ending.h"

#include <utility>

namespace pcsc_bridge::agent {

void Ending::Tell(int status, std::string why) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!end_) end_ = End{status, std::move(why)};
  changed_.notify_all();
}

void Ending::Reach(Stage stage) {
  const std::lock_guard<std::mutex> lock(mutex_);
  stage_ = stage;
  changed_.notify_all();
}

Ending::Stage Ending::stage() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stage_;
}

std::optional<End> Ending::Wait(std::chrono::milliseconds limit_to_work) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto begun = [&] { return end_ || stage_ == Stage::kWorking; };
  if (!changed_.wait_for(lock, limit_to_work, begun)) return std::nullopt;
  changed_.wait(lock, [&] { return end_.has_value(); });
  return end_;
}

}  // namespace pcsc_bridge::agent
