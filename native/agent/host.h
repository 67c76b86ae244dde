// What the agent asks of the system it runs on. host_posix.cc, host_windows.cc.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace pcsc_bridge::agent::platform {

// The command line without the program's name, UTF-8.
std::vector<std::string> Arguments(int argc, char** argv);

// Opens a file by its UTF-8 path for reading; null, and errno, where that fails.
std::FILE* OpenForReading(const std::string& path);

// Which other users may read an open file, for people; empty if none may.
std::string WhoElseMayRead(std::FILE* file);
// What to do so that none may.
extern const char kMakePrivate[];

// At the start of main: libraries come from the system alone, as far as it can be told to.
void LoadFromSystemAlone();

// Why this program must not run with an administrator's rights, for people; empty if it may, or does not:
// others may change its directory, and so what it loads.
std::string WhyNotElevated();

// Nothing where nobody can be asked: standard input is no terminal.
std::optional<bool> AskYesOrNo(const std::string& question);

std::uint32_t ProcessId();

// "windows x64 6.0.6002", "linux arm64 6.1.0": system, architecture of this program, version of the system.
std::string Describe();

// Ends the process at once, whatever its threads are stuck in.
[[noreturn]] void EndProcess(int status);

}  // namespace pcsc_bridge::agent::platform
