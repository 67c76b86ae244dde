// Splits a stream of bytes into lines.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace pcsc_bridge::agent {

// The longest message of the protocol, its line end not counted.
inline constexpr std::size_t kLongestLine = 262144;

// Keeps an incomplete line, never more than the longest line. It wipes that memory: a line may carry a PIN.
class LineReader {
 public:
  // `line` is valid during the call, and does not contain the "\n". A line that is too long is reported
  // once, as an empty one, at its end.
  using OnLine = std::function<void(std::string_view line, bool too_long)>;

  explicit LineReader(OnLine on_line);
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  void Feed(std::string_view bytes);
  // True if bytes have arrived since the end of the last line.
  bool in_line() const { return too_long_ || !kept_.empty(); }

 private:
  void Keep(std::string_view part);
  void EndLine();

  const OnLine on_line_;
  std::string kept_;
  bool too_long_ = false;
};

// Overwrites memory in a way that the compiler cannot remove.
void Wipe(char* data, std::size_t size);

}  // namespace pcsc_bridge::agent
