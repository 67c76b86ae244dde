#include "log.h"

#include <atomic>
#include <chrono>

namespace fake_pcsc {
namespace {

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      (void)std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

void Line::Name(const char* name) {
  members_ += (members_.empty() ? "\"" : ",\"") + std::string(name) + "\":";
}

Line& Line::Text(const char* name, const std::string& value) {
  Name(name);
  members_ += Quoted(value);
  return *this;
}

Line& Line::Number(const char* name, std::uint64_t value) {
  Name(name);
  members_ += std::to_string(value);
  return *this;
}

Line& Line::Hex(const char* name, const void* bytes, std::size_t length) {
  static const char kDigits[] = "0123456789ABCDEF";
  constexpr std::size_t kShown = 64;
  Name(name);
  members_ += '"';
  const auto* byte = static_cast<const unsigned char*>(bytes);
  for (std::size_t i = 0; i < length && i < kShown; ++i) {
    members_ += kDigits[byte[i] >> 4];
    members_ += kDigits[byte[i] & 15];
  }
  members_ += '"';
  return length > kShown ? Number("bytes", length) : *this;
}

Line& Line::Append(const Line& more) {
  if (!more.members_.empty()) members_ += (members_.empty() ? "" : ",") + more.members_;
  return *this;
}

void Write(const Line& line) {
  static std::FILE* const file = platform::OpenFile("FAKE_PCSC_LOG", "ab");
  if (file == nullptr) return;
  const std::string text = "{" + line.members() + "}\n";
  (void)std::fwrite(text.data(), 1, text.size(), file);
}

void ReportViolation(const std::string& what) {
  Write(Line().Text("violation", what).Number("us", Now()).Number("thread", ThreadNumber()));
}

std::uint64_t Now() {
  static const auto start = std::chrono::steady_clock::now();
  const auto passed = std::chrono::steady_clock::now() - start;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
}

unsigned ThreadNumber() {
  static std::atomic<unsigned> last{0};
  thread_local const unsigned number = ++last;
  return number;
}

}  // namespace fake_pcsc
