#include "agent/key_file.h"

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "agent/hex.h"
#include "agent/host.h"
#include "agent/line_reader.h"

namespace pcsc_bridge::agent {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kLongestFile = 1024;
constexpr std::string_view kUser = "user:";

bool IsIdentity(std::string_view text) {
  return text == "broker" || (text.size() > kUser.size() && text.substr(0, kUser.size()) == kUser);
}

}  // namespace

std::optional<Key> ParseKey(std::string_view text) {
  const std::size_t end = text.find_last_not_of("\r\n");
  text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const std::size_t space = text.rfind(' ');
  if (space == std::string_view::npos || text.find_first_of("\r\n") != std::string_view::npos) {
    return std::nullopt;
  }
  std::optional<Bytes> bytes = FromHex(text.substr(space + 1));
  if (!IsIdentity(text.substr(0, space)) || !bytes || bytes->size() != kKeySize) return std::nullopt;
  return Key{std::string(text.substr(0, space)), std::move(*bytes)};
}

Key ReadKeyFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(platform::OpenForReading(path), std::fclose);
  const auto unreadable = [&] {
    return BadKeyFile("the key file " + path + " cannot be read: " + std::generic_category().message(errno));
  };
  if (!file) throw unreadable();
  const std::string others = platform::WhoElseMayRead(file.get());
  if (!others.empty()) {
    throw BadKeyFile("the key file " + path + " can be read by " + others +
                     ": make a new key, and let its user alone read it (" + platform::kMakePrivate + ")");
  }
  // Without a buffer of the C library, which is not wiped.
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  char text[kLongestFile];
  const std::size_t size = std::fread(text, 1, sizeof text, file.get());
  if (std::ferror(file.get()) != 0) throw unreadable();
  std::optional<Key> key = ParseKey(std::string_view(text, size));
  Wipe(text, size);
  if (!key) throw BadKeyFile("the key file " + path + " does not hold a key that the controller has made");
  return std::move(*key);
}

}  // namespace pcsc_bridge::agent
