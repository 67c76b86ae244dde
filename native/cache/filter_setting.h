// The system-wide setting of the card cache's filter, as KB949538 stores it:
// HKLM\SOFTWARE\Microsoft\Cryptography\Calais\Cache, FilterCSPCardCacheByTSSessionConnectTime (REG_DWORD)
// on Windows, the environment variable of the same name elsewhere. 1 = on; anything else or absent = off.
#pragma once

#include <optional>
#include <string>

namespace pcsc_bridge {

struct FilterSetting {
  bool on = false;               // the value in this process: read once, at the first call
  std::optional<bool> stored;    // what is stored now; no value if it is absent
  bool restart_pending = false;  // the stored value has changed since it was read
  std::string place;             // where it is stored, for people
};

// Thread safe. The first call in the process fixes `on`; later calls only look for a change.
FilterSetting ReadFilterSetting();

}  // namespace pcsc_bridge
