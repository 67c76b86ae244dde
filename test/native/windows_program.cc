// Prints the caller's session and the filter's setting on Windows; made by scripts/check-windows.
#include <cstdio>
#include <string>

#include "cache/filter_setting.h"
#include "session/session.h"

int main() {
  const auto session = pcsc_bridge::SessionOfProcess(0);
  if (session.ok()) {
    const pcsc_bridge::SessionIdentity identity = session.value().identity;
    std::printf("session %s, connect time %s, user %s\n", std::to_string(identity.id).c_str(),
                std::to_string(identity.connect_time).c_str(), session.value().user.c_str());
  } else {
    std::printf("%s: %s\n", pcsc_bridge::Describe(session.code()).name, session.error().detail.c_str());
  }
  const auto filter = pcsc_bridge::ReadFilterSetting();
  const char* stored = !filter.stored ? "nothing" : *filter.stored ? "on" : "off";
  std::printf("filter %s, stored %s (%s)\n", filter.on ? "on" : "off", stored, filter.place.c_str());
  return session.ok() ? 0 : 1;
}
