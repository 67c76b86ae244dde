// A pcscd whose behaviour the bytes of a run determine.
#pragma once

#include <filesystem>
#include <list>
#include <optional>
#include <string>

#include "backend/daemon/protocol.h"
#include "backend/daemon/socket.h"
#include "loop/loop.h"
#include "target.h"

namespace pcsc_bridge::fuzz {

// Listens on a socket and serves its connections on the calling thread. The input decides each request: the
// connection is closed, the request stays unanswered, or it gets arbitrary bytes or a valid response, perhaps
// with changes. When the input is over every connection is closed.
class ScriptedDaemon {
 public:
  ScriptedDaemon();
  ~ScriptedDaemon();
  ScriptedDaemon(const ScriptedDaemon&) = delete;
  ScriptedDaemon& operator=(const ScriptedDaemon&) = delete;

  const std::string& path() const { return path_; }

  // The process remembers which protocol a daemon speaks. From now on it is 4:`minor`, regardless of earlier
  // runs.
  void Speak(const std::shared_ptr<Loop>& loop, std::int32_t minor);
  // Serves, and runs the loop, until all work is done that needs no waiting.
  void Run(Loop& loop, Input& input);
  // Sends an unsolicited message on one of the connections.
  void SendUnasked(Input& input);
  void CloseAll() { links_.clear(); }
  // The length of the data that the last valid response to a transmit or control has announced; none after
  // arbitrary bytes.
  const std::optional<std::size_t>& announced() const { return announced_; }

 private:
  struct Link {
    daemon::Descriptor descriptor;
    Bytes received;
    Bytes unsent;
    std::size_t places = daemon::kOldTableSize;  // of the table, as last announced
    bool in_step = true;                         // each response so far was valid and complete
  };

  bool Accept();
  bool Serve(Link& link, Input& input);  // false if nothing has happened
  // False if the connection is to be closed.
  bool Answer(Link& link, daemon::Command command, Bytes message, Input& input);
  void AnswerPlain(Link& link, daemon::Command command, Input& input);
  void AnswerInKind(Link& link, daemon::Command command, Bytes message, Input& input);
  void AppendTable(Link& link, Input& input);
  static void Flush(Link& link);

  std::filesystem::path directory_;
  std::string path_;
  daemon::Descriptor listening_;
  std::list<Link> links_;
  std::optional<std::size_t> announced_;
};

}  // namespace pcsc_bridge::fuzz
