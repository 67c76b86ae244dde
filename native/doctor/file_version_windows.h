// The version of a system file.
#pragma once

#include <string>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

// Of a file in the System32 directory of the machine, also where this program has 32 bits and is shown
// another one (then through Sysnative).
Fact<FileVersion> VersionOfSystemFile(const std::string& name, bool wow64);

}  // namespace pcsc_bridge::doctor
