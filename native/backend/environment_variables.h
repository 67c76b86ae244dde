// The environment variables that decide how PC/SC is reached.
#pragma once

#include <string>

namespace pcsc_bridge {

struct EnvironmentVariables {
  std::string library;     // PCSC_BRIDGE_LIBRARY, UTF-8; empty by default
  std::string backend;     // PCSC_BRIDGE_BACKEND; empty by default
  std::string socket;      // PCSCLITE_CSOCK_NAME, or pcscd's usual socket
  bool delegates = false;  // LIBPCSCLITE_DELEGATE is set: libpcsclite passes its calls on to another library
};

// Read at the first call, and the same from then on. Reading is not safe while another thread changes the
// environment (getenv beside setenv crashes): the first call belongs on the program's main thread, before the
// first PC/SC call. Later ones are thread safe.
//
// A program with more rights than its user (setuid) takes nothing from the environment.
const EnvironmentVariables& ReadEnvironmentVariables();

}  // namespace pcsc_bridge
