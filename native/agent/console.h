// The only output path of commands for people to the terminal: text from a reader cannot control the
// terminal.
#pragma once

#include <string>

#include "agent/stream.h"

namespace pcsc_bridge::agent {

// Writes lines of the command's result, or its data. Returns false if standard output accepts no more.
bool Show(Stream& output, const std::string& text);

// A line on standard error: "pcsc-bridge-agent: ...".
void Complain(const std::string& sentence);

}  // namespace pcsc_bridge::agent
