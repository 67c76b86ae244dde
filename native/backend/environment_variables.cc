#include "backend/environment_variables.h"

#include "backend/library/library.h"
#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

EnvironmentVariables Read() {
  EnvironmentVariables variables;
  variables.library = platform::ReadVariable("PCSC_BRIDGE_LIBRARY");
  variables.backend = platform::ReadVariable("PCSC_BRIDGE_BACKEND");
  variables.socket = platform::ReadVariable("PCSCLITE_CSOCK_NAME");
  if (variables.socket.empty()) variables.socket = "/run/pcscd/pcscd.comm";
  variables.delegates = !platform::ReadVariable("LIBPCSCLITE_DELEGATE").empty();
  return variables;
}

}  // namespace

const EnvironmentVariables& ReadEnvironmentVariables() {
  static Immortal<EnvironmentVariables> variables(Read());
  return *variables;
}

}  // namespace pcsc_bridge
