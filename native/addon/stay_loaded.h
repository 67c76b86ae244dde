// Keeps the addon in memory.
#pragma once

namespace pcsc_bridge::addon {

// Node unloads an addon when the last worker that loaded it ends, although the addon's threads may still
// run its code. stay_loaded_posix.cc, stay_loaded_windows.cc.
void StayLoaded();

}  // namespace pcsc_bridge::addon
