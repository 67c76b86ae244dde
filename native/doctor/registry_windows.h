// Reading HKEY_LOCAL_MACHINE in a view that does not depend on whether this program has 32 or 64 bits.
#pragma once

#include <windows.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include "doctor/facts.h"

namespace pcsc_bridge::doctor {

struct CloseKey {
  void operator()(HKEY key) const { RegCloseKey(key); }
};
using RegistryKey = std::unique_ptr<std::remove_pointer_t<HKEY>, CloseKey>;

enum class View : REGSAM { k64 = KEY_WOW64_64KEY, k32 = KEY_WOW64_32KEY };

// Null, and the Windows error in `error`, when it cannot be opened.
RegistryKey OpenKey(const std::string& path, REGSAM access, View view, LONG& error);

// A missing key or value is a fact (`present` false); unknown means that it could not be read.
Fact<RegistryValue> ReadRegistryValue(const std::string& path, const std::string& name, View view);

// The text of a REG_SZ.
Fact<std::string> ReadRegistryText(const std::string& path, const std::string& name);

Fact<FileTime> ReadLastWrite(const std::string& path);

// The names of a key's sub-keys, to `tell` one by one. Unknown: why it could not be read.
Fact<bool> ForEachSubkey(const std::string& path, const std::function<void(const std::string&)>& tell);

std::string WindowsError(const char* function, LONG error);

}  // namespace pcsc_bridge::doctor
