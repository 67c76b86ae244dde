// The script: lines with commands for the service, each executed once, as soon as it has been written. See
// README.md.
#pragma once

#include <string>
#include <vector>

#include "service.h"

namespace fake_pcsc {

// With the lock held. Executes the commands added to the script since the last time, and logs them if
// requested.
void FollowScript();

// With the lock held. Executes one command; a mistake in it is logged as an error.
void Obey(const std::vector<std::string>& words);

std::vector<std::string> SplitWords(const std::string& line);
Bytes ParseHex(const std::string& hex);

}  // namespace fake_pcsc
