// Loading Windows' own libraries.
#pragma once

#include <windows.h>

namespace pcsc_bridge::platform {

// Loads from the system directory only: a file of the same name beside the program or in the current
// directory is never loaded. Null, with GetLastError, if that fails. Never unloaded.
HMODULE LoadSystemLibrary(const wchar_t* name);

// For a whole program, before it loads anything: what Windows itself loads by a bare name comes from the
// system directory too. Windows Server 2008 without KB2533623 leaves out the current directory alone.
void SearchSystemDirectoryAlone();

}  // namespace pcsc_bridge::platform
