// Reading a process's files in /proc (proc(5)).
#pragma once

#include <dirent.h>

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace pcsc_bridge {

// An open directory of /proc. It refers to one process, never to a later one with the same pid.
class ProcDirectory {
 public:
  explicit ProcDirectory(const std::string& path);
  ~ProcDirectory();
  ProcDirectory(const ProcDirectory&) = delete;
  ProcDirectory& operator=(const ProcDirectory&) = delete;

  bool is_open() const { return fd_ >= 0; }

  // The whole file; nothing, and errno, when it cannot be read or the process has ended.
  std::optional<std::string> Read(const char* name) const;

 private:
  const int fd_;
};

// The entries of a directory, for readdir; null, and errno, if it cannot be read.
struct CloseDirectory {
  void operator()(DIR* directory) const { (void)closedir(directory); }
};
using DirectoryEntries = std::unique_ptr<DIR, CloseDirectory>;
inline DirectoryEntries EntriesOf(const std::string& path) {
  return DirectoryEntries(opendir(path.c_str()));
}

// The text after `key` at the start of a line, without leading blanks.
std::optional<std::string_view> ValueOf(std::string_view text, std::string_view key);

// The number that the text begins with.
template <class Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

}  // namespace pcsc_bridge
