#include "agent/token.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "agent/host.h"

namespace pcsc_bridge::agent {
namespace {

constexpr char kVariable[] = "PCSC_BRIDGE_TOKEN";
constexpr char kForm[] = " must be 16 to 256 printable ASCII characters without spaces";

std::string Trim(const std::string& text) {
  constexpr char kBlanks[] = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::string ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(platform::OpenForReading(path), std::fclose);
  char text[4096];
  const std::size_t size = file ? std::fread(text, 1, sizeof text, file.get()) : 0;
  if (!file || std::ferror(file.get()) != 0) {
    throw NoToken("the token file " + path + " cannot be read: " + std::generic_category().message(errno));
  }
  return std::string(text, size);
}

}  // namespace

bool IsToken(const std::string& text) {
  return text.size() >= 16 && text.size() <= 256 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string ReadToken(const std::string& file) {
  std::string token = Trim(file.empty() ? platform::Environment(kVariable) : ReadFile(file));
  if (token.empty() && file.empty()) {
    throw NoToken(std::string("--connect needs a token: in a file (--token-file FILE) or in ") + kVariable);
  }
  if (!IsToken(token)) throw NoToken((file.empty() ? kVariable : "the token in " + file) + kForm);
  return token;
}

}  // namespace pcsc_bridge::agent
