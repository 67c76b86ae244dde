#include "pcsc/printable.h"

#include <algorithm>
#include <iterator>

namespace pcsc_bridge {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Unicode's categories Cc, Cf, Cs, Co, Zl and Zp.
constexpr Range kUnseen[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},    {0x0600, 0x0605},   {0x061c, 0x061c},
    {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x0890, 0x0891},    {0x08e2, 0x08e2},   {0x180e, 0x180e},
    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},    {0xd800, 0xf8ff},   {0xfeff, 0xfeff},
    {0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0x110bd, 0x110bd},  {0x110cd, 0x110cd}, {0x13430, 0x1343f},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};

bool IsSeen(char32_t character) {
  return std::none_of(std::begin(kUnseen), std::end(kUnseen), [character](const Range& range) {
    return character >= range.first && character <= range.last;
  });
}

// How many bytes the character at the start of the text has, and which it is; 0 bytes if it is not UTF-8.
std::size_t Decode(std::string_view text, char32_t& character) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length == 0 || length > text.size() || first > 0xf4) return 0;
  character = length == 1 ? first : first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    character = character << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (length == 3 && character < 0x800) || (length == 4 && character < 0x10000);
  return overlong || character > 0x10ffff ? 0 : length;
}

std::string Replace(std::string_view text, bool keep_line_feeds) {
  std::string seen;
  seen.reserve(text.size());
  while (!text.empty()) {
    char32_t character = 0;
    const std::size_t length = Decode(text, character);
    const bool kept = length > 0 && (IsSeen(character) || (keep_line_feeds && character == '\n'));
    if (kept) {
      seen += text.substr(0, length);
    } else {
      seen += '?';
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return seen;
}

}  // namespace

std::string Printable(std::string_view text) {
  return Replace(text, false);
}

std::string PrintableLines(std::string_view text) {
  return Replace(text, true);
}

}  // namespace pcsc_bridge
