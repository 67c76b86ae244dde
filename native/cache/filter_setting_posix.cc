// The setting on systems without a registry: an environment variable of the same name, "1" = on.
#include <cstdlib>
#include <string_view>

#include "cache/filter_store.h"

namespace pcsc_bridge {

// Node.js passes assignments to process.env on to setenv (main thread only, worker threads have a copy), so a
// change made there after the first question shows up here as one that is pending. getenv is not safe beside
// a setenv on another thread: ask on the thread that owns the environment.
StoredFilter ReadStoredFilter() {
  StoredFilter stored;
  stored.place = std::string("environment variable ") + kFilterName;
  if (const char* value = std::getenv(kFilterName)) stored.on = std::string_view(value) == "1";
  return stored;
}

}  // namespace pcsc_bridge
