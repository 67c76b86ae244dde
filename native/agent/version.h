// The version of the package that this agent belongs to; a test compares it with package.json.
#pragma once

namespace pcsc_bridge::agent {

inline constexpr char kVersion[] = "0.1.0";
inline constexpr int kProtocol = 1;

}  // namespace pcsc_bridge::agent
