// Writing the filter's setting, as KB949538 has it.
#pragma once

#include <string>

#include "pcsc/result.h"

namespace pcsc_bridge::doctor {

// Beside the filter's value when it was written here: a REG_QWORD with the time (FILETIME). It tells a
// restart that is certainly pending from one that is likely. Windows does not look at it.
inline constexpr char kSetByUsName[] = "PcscBridgeFilterSet";

struct FilterWritten {
  bool changed = false;  // false: the value was so already, and nothing was written
  std::string place;
  std::string note;  // what is left to do, or what else happened; a sentence
};

// Where there is a registry. Writes the 64-bit view, and makes the key where there is none. Errors:
// ERROR_ACCESS_DENIED, another Windows error, or SCARD_E_UNSUPPORTED_FEATURE on other systems, where an
// environment variable is the setting; `detail` says what to do.
Result<FilterWritten> WriteFilter(bool on);

}  // namespace pcsc_bridge::doctor
