// The commands that are first words: their answers printed, for people or as JSON lines.
#pragma once

namespace pcsc_bridge::agent {

// Each gives the exit status.
int RunSession(bool json);
// Until the process is ended, or its output.
int RunWatch(bool json);

}  // namespace pcsc_bridge::agent
