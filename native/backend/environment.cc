#include "backend/environment.h"

#include "backend/library/library.h"
#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

Environment Read() {
  Environment environment;
  environment.library = platform::ReadVariable("PCSC_BRIDGE_LIBRARY");
  environment.backend = platform::ReadVariable("PCSC_BRIDGE_BACKEND");
  environment.socket = platform::ReadVariable("PCSCLITE_CSOCK_NAME");
  if (environment.socket.empty()) environment.socket = "/run/pcscd/pcscd.comm";
  environment.delegates = !platform::ReadVariable("LIBPCSCLITE_DELEGATE").empty();
  return environment;
}

}  // namespace

const Environment& ReadEnvironment() {
  static Immortal<Environment> environment(Read());
  return *environment;
}

}  // namespace pcsc_bridge
