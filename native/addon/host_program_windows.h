// The module of the program that loaded the addon, from which Node-API and libuv come.
#pragma once

#include <windows.h>

namespace pcsc_bridge {

inline HMODULE HostProgram() {
  // Some hosts keep Node in a libnode.dll beside the program.
  HMODULE host = GetModuleHandleW(L"libnode.dll");
  return host != nullptr ? host : GetModuleHandleW(nullptr);
}

}  // namespace pcsc_bridge
