// The users to whom a Windows security descriptor gives access to a file or directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pcsc_bridge::agent {

// FILE_READ_DATA, and what lets the reader grant themselves that.
inline constexpr std::uint32_t kReadRights = 0x0001 | 0x0040000 | 0x0080000;
// FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_DELETE_CHILD, DELETE, WRITE_DAC, WRITE_OWNER.
inline constexpr std::uint32_t kChangeRights = 0x0002 | 0x0004 | 0x0040 | 0x0010000 | 0x0040000 | 0x0080000;

// The first account besides administrators, Windows itself and `user` (a SID) that has any of the rights,
// as owner or by an entry, as text for people; empty if there is none. `descriptor` is in Windows' text
// form (SDDL), owner and DACL. Entries that only files below inherit count, and entries that deny do not:
// this errs on the strict side.
std::string WhoElseHas(std::uint32_t rights, std::string_view descriptor, std::string_view user = "");

}  // namespace pcsc_bridge::agent
