// Text from readers, cards and other programs, made fit for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace pcsc_bridge {

// UTF-8 with a question mark for every character that is not seen (controls, direction marks, joiners, ends
// of lines) and for every byte that is not UTF-8. As src/printable.ts, but for code points without a meaning
// yet.
std::string Printable(std::string_view text);

// The same for a text of several lines.
std::string PrintableLines(std::string_view text);

}  // namespace pcsc_bridge
