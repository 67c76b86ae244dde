// Which backend this process uses.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace pcsc_bridge::backend {

struct Choice {
  const Backend* backend = nullptr;
  std::string reason;  // a sentence for people
};

// The daemon backend is chosen only if it is provably equivalent to the library: libpcsclite, loaded as any
// program loads it, has just connected to the socket that the daemon backend would use, and pcscd speaks a
// supported protocol. PCSC_BRIDGE_BACKEND=daemon|library forces one; PCSC_BRIDGE_LIBRARY,
// LIBPCSCLITE_DELEGATE and libpcscspy force the library.
//
// Any loop, never waits: a worker thread queries the library. The choice is made once per process. A
// failure (kLibraryMissing, or the library's own error if no service answers) is reported, and the next
// call tries again. `then` is called on the loop, within this call if the choice has been made.
void Choose(const std::shared_ptr<Loop>& loop, std::function<void(Result<Choice>)> then);

// The same as a provider of backends.
Provider OfProcess();

}  // namespace pcsc_bridge::backend
