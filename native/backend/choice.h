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

// The daemon backend is chosen only where it is provably the same thing as the library: libpcsclite, loaded
// as any program would load it, has just connected to the very socket that the daemon backend would use, and
// pcscd speaks a protocol that we speak. PCSC_BRIDGE_BACKEND=daemon|library forces one; PCSC_BRIDGE_LIBRARY,
// LIBPCSCLITE_DELEGATE and libpcscspy mean the library.
//
// Any loop, never waits: the library is asked on a worker thread. The choice is made once per process; a
// failure (kLibraryMissing, or the library's own error where no service answers) is reported and tried anew
// at the next call. `then` comes on the loop, within this call where the choice has been made.
void Choose(const std::shared_ptr<Loop>& loop, std::function<void(Result<Choice>)> then);

// The same as a source of backends.
Source OfProcess();

}  // namespace pcsc_bridge::backend
