// The agent's side of a link: requests until it ends.
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

// Made by main, which waits for `ending` and then closes it. Its thread is never joined: it may be reading.
class Link : public std::enable_shared_from_this<Link> {
 public:
  // Requests are worked on by the loop.
  Link(Options options, std::optional<Key> key, std::shared_ptr<Ending> ending, std::shared_ptr<Loop> loop);

  // Starts the thread that connects, says hello and takes requests. Throws std::system_error where the system
  // has none.
  void Start();

  // Ends everything, in much less than a second: waits are cancelled, cards reset and let go, answers sent.
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

  // The reading thread's. Takes no more lines; `quit` sets it while the reading thread waits for the loop.
  bool over_ = false;
};

}  // namespace pcsc_bridge::agent
