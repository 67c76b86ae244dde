// Where the addon gets Node-API and libuv from: the program that loaded it, whatever that is called.
//
// The cross-built addon's imports from node.exe are delay-loaded (scripts/windows.mk); this hook answers the
// loader's question for that file. In an Electron or a renamed node.exe a second node.exe would be loaded, or
// none found. MSVC builds by node-gyp get a hook of node-gyp's own, so binding.gyp does not have this file.
#include <windows.h>

#include <delayimp.h>

namespace {

FARPROC WINAPI UseHostProgram(unsigned event, PDelayLoadInfo load) {
  if (event != dliNotePreLoadLibrary || lstrcmpiA(load->szDll, "node.exe") != 0) return nullptr;
  // Some hosts keep Node in a libnode.dll beside the program.
  HMODULE host = GetModuleHandleW(L"libnode.dll");
  if (host == nullptr) host = GetModuleHandleW(nullptr);
  return reinterpret_cast<FARPROC>(host);
}

}  // namespace

// The name is the delay loader's.
extern "C" {
PfnDliHook __pfnDliNotifyHook2 = UseHostProgram;
}
