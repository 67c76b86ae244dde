// The two-way stream of bytes that a link runs on.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace pcsc_bridge::agent {

// One thread may read while another writes. Both wait as long as it takes.
class Stream {
 public:
  enum class Outcome { kGood, kEnd, kBroken };

  virtual ~Stream() = default;
  // Some bytes, at least one; kEnd when the other side sends no more.
  virtual Outcome Read(char* buffer, std::size_t size, std::size_t& read) = 0;
  // All of them. False when the other side takes no more.
  virtual bool Write(std::string_view bytes) = 0;
  // Why the last Read or Write was broken, for people.
  virtual std::string reason() const = 0;
};

namespace platform {

// Standard input and standard output. stream_posix.cc, stream_windows.cc.
std::shared_ptr<Stream> StandardStream();

// Connects by TCP, with keep-alive, so that a host that is gone is noticed within half a minute. Null, and
// why, where that fails; may take long. tcp_posix.cc, tcp_windows.cc.
std::shared_ptr<Stream> ConnectTcp(const std::string& host, const std::string& port, std::string& why);

}  // namespace platform
}  // namespace pcsc_bridge::agent
