// Calls that change pcsc-lite's tables of contexts and handles, one at a time.
#pragma once

#include "backend/library/library.h"

namespace pcsc_bridge {

// Held around SCardEstablishContext, SCardReleaseContext and SCardDisconnect. Each thread has a context of
// its own, and yet they meet: in SCardDisconnect libpcsclite (1.9.9; later ones less) looks through the
// tables of all contexts without a lock, and the process crashes when another thread makes or frees one
// meanwhile.
//
// A call that is stuck keeps others out for 100 ms at most: one user's trouble must not become another's, and
// by then it waits for its service, away from the tables. Does nothing where the library needs none of this
// (Windows).
class TableChange {
 public:
  explicit TableChange(const Library& library);
  ~TableChange();
  TableChange(const TableChange&) = delete;
  TableChange& operator=(const TableChange&) = delete;

 private:
  const bool entered_;
};

}  // namespace pcsc_bridge
