#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "session/proc_directory.h"

namespace pcsc_bridge {

ProcDirectory::ProcDirectory(const std::string& path)
    : fd_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

ProcDirectory::~ProcDirectory() {
  if (fd_ >= 0) close(fd_);
}

std::optional<std::string> ProcDirectory::Read(const char* name) const {
  const int file = openat(fd_, name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::string text;
  std::array<char, 4096> part{};
  ssize_t length = 0;
  while ((length = read(file, part.data(), part.size())) > 0 || (length < 0 && errno == EINTR)) {
    if (length > 0) text.append(part.data(), static_cast<std::size_t>(length));
  }
  const int error = errno;
  close(file);
  errno = error;
  return length == 0 ? std::optional(std::move(text)) : std::nullopt;
}

std::optional<std::string_view> ValueOf(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.substr(0, key.size()) != key) continue;
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line;
  }
  return std::nullopt;
}

}  // namespace pcsc_bridge
