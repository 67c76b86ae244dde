#include "agent/join.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "agent/hello.h"
#include "agent/tls_stream.h"

namespace pcsc_bridge::agent {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{250};
constexpr milliseconds kLongestPause{4000};
constexpr std::size_t kLongestWelcome = 4096;

struct Attempt {
  std::shared_ptr<Stream> stream;  // null if it failed
  std::string why;
  bool passing = false;
};

// The controller's answer to the hello. It is read byte by byte, because what follows belongs to the
// stream's next reader.
Attempt ReadWelcome(const std::shared_ptr<Stream>& stream) {
  std::string line;
  for (char byte = 0; line.size() < kLongestWelcome; line.push_back(byte)) {
    std::size_t size = 0;
    const Stream::Outcome outcome = stream->Read(&byte, 1, size);
    if (outcome == Stream::Outcome::kBroken) return {nullptr, stream->reason(), true};
    if (outcome == Stream::Outcome::kEnd) {
      return {nullptr, "the other side closed the connection without a welcome", true};
    }
    if (byte != '\n') continue;
    const std::optional<NotWelcome> refusal = WhyNotWelcome(line);
    return refusal ? Attempt{nullptr, refusal->why, refusal->passing} : Attempt{stream, "", false};
  }
  return {nullptr, "the other side is no controller: its first line is too long", false};
}

Attempt Try(const Address& address, const Key& key, Ending& ending) {
  ending.Reach(Ending::Stage::kConnecting);
  std::string why;
  const std::shared_ptr<Stream> raw = platform::ConnectTcp(address.host, address.port, why);
  if (!raw)
    return {nullptr, "cannot connect to " + address.host + " port " + address.port + ": " + why, true};
  ending.Reach(Ending::Stage::kGreeting);
  const auto stream = std::make_shared<TlsStream>(raw, key);
  if (const auto failure = stream->Handshake()) return {nullptr, failure->why, failure->broken};
  if (!stream->Write(HelloLine(key.role(), key.name()))) return {nullptr, stream->reason(), true};
  return ReadWelcome(stream);
}

}  // namespace

std::shared_ptr<Stream> JoinController(const Options& options, const Key& key, Ending& ending) {
  const Clock::time_point end = Clock::now() + options.wait;
  std::string said;
  for (milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    const Attempt attempt = Try(*options.connect, key, ending);
    if (attempt.stream) return attempt.stream;
    const bool again = attempt.passing && Clock::now() + pause < end;
    if (!again) {
      ending.Tell(1, attempt.why);
      return nullptr;
    }
    if (attempt.why != said) {
      std::fprintf(stderr, "pcsc-bridge-agent: %s; trying again\n", attempt.why.c_str());
    }
    said = attempt.why;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace pcsc_bridge::agent
