// Loading Windows' own libraries.
#pragma once

#include <windows.h>

namespace pcsc_bridge::platform {

// From the system directory alone: a file of the same name beside the program or in the current directory is
// never loaded. Null, with GetLastError, if that fails. Never unloaded.
HMODULE LoadSystemLibrary(const wchar_t* name);

}  // namespace pcsc_bridge::platform
