// Makes text from readers, cards and other programs safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace pcsc_bridge {

// Replaces every invisible character (controls, direction marks, joiners, ends of lines) and every byte
// that is not UTF-8 with a question mark. As src/printable.ts, except for unassigned code points.
std::string Printable(std::string_view text);

// The same for a text of several lines.
std::string PrintableLines(std::string_view text);

}  // namespace pcsc_bridge
