// The script: lines that tell the service what to do, each obeyed once, as soon as it is there. See
// README.md.
#pragma once

#include <string>
#include <vector>

#include "service.h"

namespace fake_pcsc {

// With the lock held. Obeys what has been added to the script since the last time, and logs it as told.
void FollowScript();

// With the lock held. Obeys one command; what is wrong with it goes into the log as an error.
void Obey(const std::vector<std::string>& words);

std::vector<std::string> SplitWords(const std::string& line);
Bytes ParseHex(const std::string& hex);

}  // namespace fake_pcsc
