#include <dlfcn.h>

#include "addon/stay_loaded.h"

namespace pcsc_bridge::addon {

void StayLoaded() {
  Dl_info self{};
  if (dladdr(reinterpret_cast<void*>(&StayLoaded), &self) == 0) return;
  dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace pcsc_bridge::addon
