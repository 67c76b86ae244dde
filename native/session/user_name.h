// Account names on POSIX systems.
#pragma once

#include <sys/types.h>

#include <string>

namespace pcsc_bridge {

// The login name of a user id, or the id in decimal when it has no entry. Thread safe. Asks the name service
// (getpwuid_r) and takes as long as that does.
std::string UserName(uid_t uid);

}  // namespace pcsc_bridge
