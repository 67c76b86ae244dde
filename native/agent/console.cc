#include "agent/console.h"

#include <cstdio>

#include "pcsc/printable.h"

namespace pcsc_bridge::agent {

bool Show(Stream& output, const std::string& text) {
  return output.Write(PrintableLines(text));
}

void Complain(const std::string& sentence) {
  std::fprintf(stderr, "pcsc-bridge-agent: %s\n", Printable(sentence).c_str());
}

}  // namespace pcsc_bridge::agent
