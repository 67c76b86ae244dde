// The data of Microsoft's article KB949538 about its hotfix, transcribed by hand (a copy is
// test/data/hotfix-949538.json, and doctor_hotfix_test.cc compares them).
#pragma once

#include <cstdint>

#include "cache/filter_store.h"

namespace pcsc_bridge::doctor::hotfix {

inline constexpr char kArticle[] = "KB949538";

// The hotfix replaces both files; if one of them is old, the fault remains.
inline constexpr const char* kFiles[] = {"basecsp.dll", "scksp.dll"};

// The least version of both, the same for x86, x64 and IA-64. On the branch of hotfixes (LDR) only.
struct Minimum {
  std::uint16_t build;  // 6.0.BUILD
  std::uint16_t revision;
  const char* service_pack;
};
inline constexpr Minimum kMinimums[] = {{6001, 22436, "SP1"}, {6002, 22139, "SP2"}};

inline constexpr const char* kArchitectures[] = {"x86", "x64", "ia64"};

// HKEY_LOCAL_MACHINE, REG_DWORD, in the 64-bit view; read when Windows starts.
inline constexpr const char* kKey = kFilterKey;
inline constexpr const char* kValue = kFilterName;
inline constexpr std::uint32_t kEnabled = 1;
inline constexpr std::uint32_t kDisabled = 0;

// What the names of its packages in the servicing records begin with, in any case.
inline constexpr char kPackagePrefix[] = "package_for_kb949538";

}  // namespace pcsc_bridge::doctor::hotfix
