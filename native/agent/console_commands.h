// The commands for people: they print their answers as text or as JSON lines.
#pragma once

namespace pcsc_bridge::agent {

// Each returns the exit status.
int RunSession(bool json);
// Runs until the process or its output ends.
int RunWatch(bool json);

}  // namespace pcsc_bridge::agent
