// The agent's connection to its controller: requests until it ends.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "agent/ending.h"
#include "agent/key_file.h"
#include "agent/options.h"
#include "agent/outbox.h"
#include "agent/request_handler.h"
#include "loop/loop.h"

namespace pcsc_bridge::agent {

// Made by main, which waits for `ending` and then closes it. Its thread is never joined, because it may
// block in a read.
class ControllerLink : public std::enable_shared_from_this<ControllerLink> {
 public:
  // The loop processes the requests.
  ControllerLink(Options options, std::optional<Key> key, std::shared_ptr<Ending> ending,
                 std::shared_ptr<Loop> loop);

  // Starts the thread that connects, sends the hello and reads requests. Throws std::system_error if the
  // system has no free thread.
  void Start();

  // Ends everything, in much less than a second: cancels waits, resets and releases cards, sends answers.
  void Close();

 private:
  void Run();
  std::shared_ptr<Stream> Open();
  void SetUp(const std::shared_ptr<Stream>& stream);
  void ReadLines(Stream& stream);
  void OnLine(std::string_view line, bool too_long);
  void OnEnd(bool in_line);

  const Options options_;
  std::optional<Key> key_;  // with options_.connect, until the controller has welcomed the agent
  const std::shared_ptr<Ending> ending_;
  const std::shared_ptr<Loop> loop_;

  std::mutex mutex_;  // guards what SetUp makes against Close; it is there for good then
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<RequestHandler> handler_;  // belongs to the loop

  // Used by the reading thread. True if it accepts no more lines; `quit` sets it while the reading thread
  // waits for the loop.
  bool over_ = false;
};

}  // namespace pcsc_bridge::agent
