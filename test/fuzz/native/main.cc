// libFuzzer's entry. PCSC_BRIDGE_FUZZ_TARGET names the target: processes that libFuzzer starts inherit it.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "target.h"

namespace {

const pcsc_bridge::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const name = std::getenv("PCSC_BRIDGE_FUZZ_TARGET");
  for (const auto& target : pcsc_bridge::fuzz::kTargets) {
    if (name != nullptr && target.name == std::string(name)) chosen = &target;
  }
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "PCSC_BRIDGE_FUZZ_TARGET must name a target:\n");
  for (const auto& target : pcsc_bridge::fuzz::kTargets) std::fprintf(stderr, "  %s\n", target.name);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({data, size});
  return 0;
}
