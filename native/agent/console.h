// The one way from a command for people to the terminal: nothing that comes from a reader steers it.
#pragma once

#include <string>

#include "agent/stream.h"

namespace pcsc_bridge::agent {

// Lines of the command's result, or its data. Returns false if standard output takes no more.
bool Show(Stream& output, const std::string& text);

// A line on standard error: "pcsc-bridge-agent: ...".
void Complain(const std::string& sentence);

}  // namespace pcsc_bridge::agent
