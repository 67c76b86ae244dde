// A text file of the system, read line by line. Not with the C++ library's streams: linked in, their locales
// would be a sixth of the addon.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

namespace pcsc_bridge::backend {

class LineFile {
 public:
  // Reads as an empty file if it cannot be opened.
  explicit LineFile(const char* path) : file_(std::fopen(path, "re")) {}

  bool is_open() const { return file_ != nullptr; }

  // Puts the next line into `line`, without its end. False at the end of the file.
  bool Next(std::string& line) {
    line.clear();
    if (!file_) return false;
    char part[256];
    while (std::fgets(part, sizeof part, file_.get()) != nullptr) {
      line += part;
      if (line.back() != '\n') continue;
      line.pop_back();
      return true;
    }
    return !line.empty();
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace pcsc_bridge::backend
