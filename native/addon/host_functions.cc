// Binds Node-API and libuv to the program that loaded the addon, on Windows for arm64.
//
// The compiler for it (scripts/zig) has no delay loading, which delay_load_windows.cc uses elsewhere. Here
// each function of the host is a jump by way of a pointer, and all pointers are set while the addon is being
// loaded. host_functions.inc has a line HOST_FUNCTION(name) for each; scripts/win32.mk writes it.
#include <windows.h>

#include "addon/host_program_windows.h"

// x16 is the register that such jumps may change.
#define HOST_FUNCTION(name)                                                            \
  extern "C" FARPROC host_##name;                                                      \
  FARPROC host_##name = nullptr;                                                       \
  extern "C" __attribute__((naked)) void name() {                                      \
    asm("adrp x16, host_" #name "\n\tldr x16, [x16, :lo12:host_" #name "]\n\tbr x16"); \
  }
#include "host_functions.inc"
#undef HOST_FUNCTION

namespace {

struct HostFunction {
  const char* name;
  FARPROC* pointer;
};

#define HOST_FUNCTION(name) {#name, &host_##name},
constexpr HostFunction kHostFunctions[] = {
#include "host_functions.inc"
};
#undef HOST_FUNCTION

// A function that an old Node.js does not have stays null.
__attribute__((constructor)) void FindHostFunctions() {
  HMODULE host = pcsc_bridge::HostProgram();
  for (const HostFunction& function : kHostFunctions) {
    *function.pointer = GetProcAddress(host, function.name);
  }
}

}  // namespace
