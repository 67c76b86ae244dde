// The bidirectional byte stream of a link.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace pcsc_bridge::agent {

// One thread may read while another writes. Both block without a limit.
class Stream {
 public:
  enum class Outcome { kGood, kEnd, kBroken };

  virtual ~Stream() = default;
  // Reads at least one byte; kEnd if the other side sends no more.
  virtual Outcome Read(char* buffer, std::size_t size, std::size_t& read) = 0;
  // Writes all bytes. False if the other side accepts no more.
  virtual bool Write(std::string_view bytes) = 0;
  // Why the last Read or Write was broken, for people.
  virtual std::string reason() const = 0;
};

namespace platform {

// Standard input and standard output. stream_posix.cc, stream_windows.cc.
std::shared_ptr<Stream> StandardStream();

// Connects by TCP, with keep-alive, so that a dead host is noticed within half a minute. Returns null, and
// the reason, if that fails; may take long. tcp_posix.cc, tcp_windows.cc.
std::shared_ptr<Stream> ConnectTcp(const std::string& host, const std::string& port, std::string& why);

}  // namespace platform
}  // namespace pcsc_bridge::agent
