#include <windows.h>

#include "addon/stay_loaded.h"

namespace pcsc_bridge::addon {

void StayLoaded() {
  HMODULE self = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCWSTR>(&StayLoaded), &self);
}

}  // namespace pcsc_bridge::addon
