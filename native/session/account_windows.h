// Accounts of Windows, each named by its SID as text: "S-1-5-21-...".
#pragma once

#include <windows.h>

#include <cstdint>
#include <optional>
#include <string>

namespace pcsc_bridge {

// For what Windows allocates and its caller frees with LocalFree: the deleter of a std::unique_ptr.
struct FreeLocal {
  void operator()(void* memory) const { LocalFree(memory); }
};

// The account with which a pipe's client opened its end (ImpersonateNamedPipeClient). Empty if the system
// does not report it: for a client that may change its account later (SECURITY_DYNAMIC_TRACKING, as
// net.connect uses it), there is none before the first byte is read.
std::optional<std::string> AccountOfPipeClient(HANDLE pipe);

// The account that a process runs as; empty if it has ended or may not be looked at.
std::optional<std::string> AccountOfProcess(std::uint32_t pid);

// DOMAIN\\name, or the SID if it has none. Asks the domain and takes as long as that does.
std::string AccountName(const std::string& sid);

}  // namespace pcsc_bridge
