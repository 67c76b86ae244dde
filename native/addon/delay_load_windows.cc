// Binds Node-API and libuv to the program that loaded the addon, whatever its file name is.
//
// The cross-built addon's imports from node.exe are delay-loaded (scripts/windows.mk); this hook answers
// the loader's question for that file. In Electron, or in a renamed node.exe, the loader would otherwise
// load a second node.exe, or find none. MSVC builds by node-gyp use node-gyp's own hook, so binding.gyp
// leaves this file out.
#include <windows.h>

#include <delayimp.h>

#include "addon/host_program_windows.h"

namespace {

FARPROC WINAPI UseHostProgram(unsigned event, PDelayLoadInfo load) {
  if (event != dliNotePreLoadLibrary || lstrcmpiA(load->szDll, "node.exe") != 0) return nullptr;
  return reinterpret_cast<FARPROC>(pcsc_bridge::HostProgram());
}

}  // namespace

// The name is the delay loader's.
extern "C" {
PfnDliHook __pfnDliNotifyHook2 = UseHostProgram;
}
