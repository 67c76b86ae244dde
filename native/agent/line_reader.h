// Lines out of a stream of bytes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace pcsc_bridge::agent {

// The longest message of the protocol, its line end not counted.
inline constexpr std::size_t kLongestLine = 262144;

// Keeps what has come of a line until its end comes; never more than the longest line. What it kept is wiped:
// a line may carry a PIN.
class LineReader {
 public:
  // `line` is valid, and without its "\n", during the call. A line that is too long is told once, as an empty
  // one, when its end has come.
  using OnLine = std::function<void(std::string_view line, bool too_long)>;

  explicit LineReader(OnLine on_line);
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  void Feed(std::string_view bytes);
  // Something has come since the last line's end.
  bool in_line() const { return too_long_ || !kept_.empty(); }

 private:
  void Keep(std::string_view part);
  void EndLine();

  const OnLine on_line_;
  std::string kept_;
  bool too_long_ = false;
};

// Overwrites memory in a way the compiler does not drop.
void Wipe(char* data, std::size_t size);

}  // namespace pcsc_bridge::agent
