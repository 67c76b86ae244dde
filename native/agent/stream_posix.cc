#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "agent/stream.h"

namespace pcsc_bridge::agent::platform {
namespace {

class StandardInputAndOutput final : public Stream {
 public:
  Outcome Read(char* buffer, std::size_t size, std::size_t& read) override {
    for (;;) {
      const ssize_t count = ::read(STDIN_FILENO, buffer, size);
      if (count > 0) read = static_cast<std::size_t>(count);
      if (count >= 0) return count > 0 ? Outcome::kGood : Outcome::kEnd;
      if (errno != EINTR) return Broken("reading standard input");
    }
  }

  bool Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Broken("writing standard output") == Outcome::kGood;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  std::string reason() const override { return reason_; }

 private:
  Outcome Broken(const char* what) {
    reason_ = std::string(what) + ": " + std::generic_category().message(errno);
    return Outcome::kBroken;
  }

  std::string reason_;
};

}  // namespace

std::shared_ptr<Stream> StandardStream() {
  // If the reader has gone, report an error instead of ending by a signal.
  signal(SIGPIPE, SIG_IGN);
  return std::make_shared<StandardInputAndOutput>();
}

}  // namespace pcsc_bridge::agent::platform
