#include <windows.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "agent/stream.h"
#include "backend/library/library.h"

namespace pcsc_bridge::agent::platform {
namespace {

using pcsc_bridge::platform::FromNative;
using pcsc_bridge::platform::ToNative;

constexpr DWORD kConsoleCharacters = 1024;  // a larger request fails on NT 6.0's consoles
constexpr wchar_t kControlZ = 0x1a;

// A console speaks UTF-16, a pipe or file bytes.
class StandardInputAndOutput final : public Stream {
 public:
  StandardInputAndOutput()
      : input_(GetStdHandle(STD_INPUT_HANDLE)), output_(GetStdHandle(STD_OUTPUT_HANDLE)) {
    DWORD mode = 0;
    input_is_console_ = GetConsoleMode(input_, &mode) != 0;
    output_is_console_ = GetConsoleMode(output_, &mode) != 0;
  }

  Outcome Read(char* buffer, std::size_t size, std::size_t& read) override {
    return input_is_console_ ? ReadConsoleLine(buffer, size, read) : ReadBytes(buffer, size, read);
  }

  bool Write(std::string_view bytes) override {
    return output_is_console_ ? WriteConsoleText(bytes) : WriteBytes(bytes);
  }

  std::string reason() const override { return reason_; }

 private:
  Outcome ReadBytes(char* buffer, std::size_t size, std::size_t& read) {
    DWORD count = 0;
    if (!ReadFile(input_, buffer, static_cast<DWORD>(size), &count, nullptr)) {
      const DWORD error = GetLastError();
      if (error == ERROR_BROKEN_PIPE || error == ERROR_HANDLE_EOF) return Outcome::kEnd;
      return Broken("reading standard input", error);
    }
    read = count;
    return count > 0 ? Outcome::kGood : Outcome::kEnd;
  }

  Outcome ReadConsoleLine(char* buffer, std::size_t size, std::size_t& read) {
    if (typed_.empty()) {
      wchar_t text[kConsoleCharacters];
      DWORD count = 0;
      if (!ReadConsoleW(input_, text, kConsoleCharacters, &count, nullptr)) {
        return Broken("reading the console", GetLastError());
      }
      if (count == 0 || text[0] == kControlZ) return Outcome::kEnd;
      typed_ = FromNative(text, count);
      SecureZeroMemory(text, sizeof text);
    }
    read = std::min(size, typed_.size());
    std::memcpy(buffer, typed_.data(), read);
    SecureZeroMemory(typed_.data(), read);
    typed_.erase(0, read);
    return Outcome::kGood;
  }

  bool WriteBytes(std::string_view bytes) {
    while (!bytes.empty()) {
      DWORD count = 0;
      if (!WriteFile(output_, bytes.data(), static_cast<DWORD>(bytes.size()), &count, nullptr)) {
        return Broken("writing standard output", GetLastError()) == Outcome::kGood;
      }
      bytes.remove_prefix(count);
    }
    return true;
  }

  bool WriteConsoleText(std::string_view bytes) {
    const auto text = ToNative(bytes);
    for (std::size_t done = 0; done < text.size();) {
      const DWORD part = static_cast<DWORD>(std::min<std::size_t>(text.size() - done, kConsoleCharacters));
      DWORD count = 0;
      if (!WriteConsoleW(output_, text.data() + done, part, &count, nullptr)) {
        return Broken("writing to the console", GetLastError()) == Outcome::kGood;
      }
      done += count;
    }
    return true;
  }

  Outcome Broken(const char* what, DWORD error) {
    reason_ = std::string(what) + ": " + std::system_category().message(static_cast<int>(error));
    return Outcome::kBroken;
  }

  const HANDLE input_;
  const HANDLE output_;
  bool input_is_console_ = false;
  bool output_is_console_ = false;
  std::string typed_;
  std::string reason_;
};

}  // namespace

std::shared_ptr<Stream> StandardStream() {
  return std::make_shared<StandardInputAndOutput>();
}

}  // namespace pcsc_bridge::agent::platform
