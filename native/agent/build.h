// What this program was built from, and for what.
#pragma once

namespace pcsc_bridge::agent {

// The version of the package that this agent belongs to; a test compares it with package.json.
inline constexpr char kPackageVersion[] = "0.1.0";
inline constexpr int kProtocol = 1;

// The architecture, as Node.js calls it.
#if defined(__x86_64__) || defined(_M_X64)
inline constexpr char kArchitecture[] = "x64";
#elif defined(__i386__) || defined(_M_IX86)
inline constexpr char kArchitecture[] = "ia32";
#elif defined(__aarch64__) || defined(_M_ARM64)
inline constexpr char kArchitecture[] = "arm64";
#elif defined(__arm__) || defined(_M_ARM)
inline constexpr char kArchitecture[] = "arm";
#else
inline constexpr char kArchitecture[] = "unknown";
#endif

}  // namespace pcsc_bridge::agent
