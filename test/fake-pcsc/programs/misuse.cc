// Breaks the rules that the stand-in library checks: two threads in one context, and use of a released
// object.
#include <thread>

#include "pcsc/abi.h"

namespace abi = pcsc_bridge::abi;

extern "C" {
abi::Long SCardEstablishContext(abi::Dword, const void*, const void*, abi::ContextHandle*);
abi::Long SCardReleaseContext(abi::ContextHandle);
abi::Long SCardListReaders(abi::ContextHandle, const char*, char*, abi::Dword*);
abi::Long SCardConnect(abi::ContextHandle, const char*, abi::Dword, abi::Dword, abi::CardHandle*,
                       abi::Dword*);
abi::Long SCardDisconnect(abi::CardHandle, abi::Dword);
}

int main() {
  abi::ContextHandle context{};
  SCardEstablishContext(abi::kScopeSystem, nullptr, nullptr, &context);
  const auto list = [&] {
    abi::Dword length = 0;
    SCardListReaders(context, nullptr, nullptr, &length);
  };
  // The script makes each of them take its time.
  std::thread other(list);
  list();
  other.join();

  abi::CardHandle card{};
  abi::Dword protocol = 0;
  SCardConnect(context, "Reader", 2, abi::kProtocolT1, &card, &protocol);
  SCardReleaseContext(context);
  SCardDisconnect(card, 0);
  SCardReleaseContext(context);
  return 0;
}
