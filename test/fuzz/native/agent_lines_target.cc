// A stream of bytes that is cut into lines.
#include "agent/line_reader.h"

#include <utility>

#include "target.h"

namespace pcsc_bridge::fuzz {
namespace {

using Lines = std::vector<std::pair<std::string, bool>>;

Lines Expected(const std::string& text) {
  Lines lines;
  std::size_t start = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    const bool too_long = end - start > agent::kLongestLine;
    lines.emplace_back(too_long ? "" : text.substr(start, end - start), too_long);
    start = end + 1;
  }
  return lines;
}

}  // namespace

// The lines are the same however the bytes are cut.
void AgentLines(Input input) {
  Lines lines;
  agent::LineReader reader(
      [&lines](std::string_view line, bool too_long) { lines.emplace_back(line, too_long); });
  std::string text;
  while (!input.empty()) {
    std::string part = input.Text(1 + input.Byte());
    // A filler, for lines that are longer than a fuzzer's inputs.
    if (!part.empty() && part.front() == '#') part.append(input.Word() * std::size_t{5}, '#');
    reader.Feed(part);
    text += part;
  }
  Require(lines == Expected(text), "lines are what is between line ends");
  Require(reader.in_line() == (!text.empty() && text.back() != '\n'), "an unfinished line is seen");
}

}  // namespace pcsc_bridge::fuzz
