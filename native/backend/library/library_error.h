// What the PC/SC library's codes mean.
#pragma once

#include <string>

#include "backend/library/library.h"
#include "pcsc/result.h"

namespace pcsc_bridge {

// The error of a call that failed with this code. A few codes of Windows' own, which its service and drivers
// hand on, become the one of PC/SC that means the same; `detail` keeps the number.
Error LibraryError(Status code, const char* operation, const std::string& reader = "");

// Whether a call that asks for the readers says with this code that there are none.
bool MeansNoReaders(const Library& library, Status code);

}  // namespace pcsc_bridge
