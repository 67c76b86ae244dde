// What differs between the two platforms beyond the types of pcsc/abi.h: platform_posix.cc,
// platform_windows.cc.
#pragma once

#include <cstdio>
#include <string>

#include "pcsc/abi.h"

namespace fake_pcsc {

namespace abi = pcsc_bridge::abi;

enum class Semantics { kPcsclite, kWindows };

namespace platform {

extern const Semantics kSemantics;  // what the platform's own library does

// The file that an environment variable names, opened unbuffered; null if the variable is not set.
std::FILE* OpenFile(const char* variable, const char* mode);

// Converts between the library's characters and UTF-8, without the zero at the end.
std::string ToUtf8(const abi::Char* text);
std::basic_string<abi::Char> FromUtf8(const std::string& text);

}  // namespace platform
}  // namespace fake_pcsc
