// The system functions of the agent. host_posix.cc, host_windows.cc.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace pcsc_bridge::agent::platform {

// The command line without the program's name, UTF-8.
std::vector<std::string> Arguments(int argc, char** argv);

// Opens a file by its UTF-8 path for reading; null, and errno, if that fails.
std::FILE* OpenForReading(const std::string& path);

// The other users who may read an open file, for people; empty if there are none.
std::string WhoElseMayRead(std::FILE* file);
// A command that denies them access.
extern const char kMakePrivate[];

// Call it at the start of main: libraries are then loaded from the system directory only, as far as the
// system supports that.
void LoadFromSystemAlone();

// Why this program must not run with an administrator's rights, for people: other users may change its
// directory, and so the libraries it loads. Empty if it may, or does not.
std::string WhyNotElevated();

// No value if standard input is not a terminal.
std::optional<bool> AskYesOrNo(const std::string& question);

std::uint32_t ProcessId();

// "windows x64 6.0.6002", "linux arm64 6.1.0": system, architecture of this program, version of the system.
std::string Describe();

// Ends the process at once, whatever its threads are stuck in.
[[noreturn]] void EndProcess(int status);

}  // namespace pcsc_bridge::agent::platform
