// Calls that change pcsc-lite's tables of contexts and handles, one at a time.
#pragma once

#include "backend/library/library.h"

namespace pcsc_bridge {

// Held around SCardEstablishContext, SCardReleaseContext and SCardDisconnect. Each thread has its own
// context, but SCardDisconnect of libpcsclite (1.9.9; later versions less so) searches the tables of all
// contexts without a lock, and the process crashes if another thread creates or frees a context meanwhile.
//
// A stuck call blocks the others for 100 ms at most, so that one user's problem does not become another's;
// by then it waits for its service, outside the tables. Does nothing if the library does not need it
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
