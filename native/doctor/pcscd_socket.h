// pcsc-lite's daemon, asked at its socket without its library.
#pragma once

#include <chrono>
#include <string>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

struct DaemonAnswer {
  // The version of the client protocol that the daemon speaks, "4:4". Unknown: the daemon is not there, may
  // not be talked to, or does not answer before the limit.
  Fact<std::string> protocol;
  // It accepts the connection and closes it again: it has too many clients, or polkit refuses this user.
  bool refuses = false;
};

DaemonAnswer AskDaemon(const std::string& socket, std::chrono::milliseconds limit);

}  // namespace pcsc_bridge::doctor
