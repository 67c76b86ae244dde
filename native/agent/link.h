// The agent's side of a link: hello, welcome, then requests until it ends.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agent/dispatcher.h"
#include "agent/ending.h"
#include "agent/options.h"
#include "agent/outbox.h"
#include "agent/requests.h"
#include "agent/role.h"

namespace pcsc_bridge::agent {

// Made by main, which waits for `ending` and then closes it. Its thread is never joined: it may be reading.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(Options options, std::string token, std::shared_ptr<Ending> ending);

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
  void OnWelcome(std::string_view line, bool too_long);
  void OnEnd(bool in_line);

  const Options options_;
  const std::string token_;
  const std::shared_ptr<Ending> ending_;

  std::mutex mutex_;  // guards what SetUp makes against Close; it is there for good then
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<Requests> requests_;
  std::vector<std::unique_ptr<Role>> roles_;

  // The reading thread's.
  std::unique_ptr<Dispatcher> dispatcher_;
  bool welcome_ = false;
  bool over_ = false;  // takes no more lines
};

}  // namespace pcsc_bridge::agent
