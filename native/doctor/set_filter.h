// Writing the filter's setting, as KB949538 has it.
#pragma once

#include <string>

#include "pcsc/result.h"

namespace pcsc_bridge::doctor {

// Stored beside the filter's value when this library writes it: a REG_QWORD with the time (FILETIME). It
// distinguishes a restart that is certainly pending from one that is likely pending. Windows does not read
// it.
inline constexpr char kSetByUsName[] = "PcscBridgeFilterSet";

struct FilterWritten {
  bool changed = false;  // false: the value was set already, and nothing was written
  std::string place;
  std::string note;  // what remains to be done, or what else happened; a sentence
};

// Only for systems with a registry. Writes the 64-bit view, and creates the key if it is missing. Errors:
// ERROR_ACCESS_DENIED, another Windows error, or SCARD_E_UNSUPPORTED_FEATURE on other systems, on which an
// environment variable is the setting; `detail` says what to do.
Result<FilterWritten> WriteFilter(bool on);

}  // namespace pcsc_bridge::doctor
