#include "agent/line_reader.h"

#include <utility>

namespace pcsc_bridge::agent {

void Wipe(char* data, std::size_t size) {
  volatile char* bytes = data;
  for (std::size_t i = 0; i < size; ++i) bytes[i] = 0;
}

LineReader::LineReader(OnLine on_line) : on_line_(std::move(on_line)) {}

LineReader::~LineReader() {
  Wipe(kept_.data(), kept_.size());
}

void LineReader::Feed(std::string_view bytes) {
  for (;;) {
    const std::size_t end = bytes.find('\n');
    Keep(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    EndLine();
    bytes.remove_prefix(end + 1);
  }
}

void LineReader::Keep(std::string_view part) {
  if (too_long_) return;
  if (kept_.size() + part.size() > kLongestLine) {
    too_long_ = true;
    Wipe(kept_.data(), kept_.size());
    kept_.clear();
    return;
  }
  kept_.append(part);
}

void LineReader::EndLine() {
  on_line_(kept_, std::exchange(too_long_, false));
  Wipe(kept_.data(), kept_.size());
  kept_.clear();
}

}  // namespace pcsc_bridge::agent
