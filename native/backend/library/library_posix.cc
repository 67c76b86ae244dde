// dlopen of libpcsclite (Linux) or the PCSC framework (macOS).
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "backend/library/library.h"

namespace pcsc_bridge::platform {
namespace {

#if defined(__APPLE__)
constexpr const char* kDefaultLibrary = "/System/Library/Frameworks/PCSC.framework/PCSC";
constexpr const char* kAdvice = "it is part of macOS: check the installation";
#else
constexpr const char* kDefaultLibrary = "libpcsclite.so.1";
constexpr const char* kAdvice =
    "install it (Debian/Ubuntu: apt-get install libpcsclite1 pcscd; Fedora: dnf install pcsc-lite; "
    "Alpine: apk add pcsc-lite) or name it in PCSC_BRIDGE_LIBRARY";
#endif

}  // namespace

Result<LoadedLibrary> OpenPcscLibrary(const std::string& configured) {
  const std::string path = configured.empty() ? kDefaultLibrary : configured;
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return Error{
        status::kLibraryMissing, "dlopen", "",
        std::string(reason != nullptr ? reason : path) + "; " +
            (configured.empty() ? kAdvice : "correct PCSC_BRIDGE_LIBRARY, or unset it to use the system's")};
  }
  return LoadedLibrary{handle, path};
}

void* FindFunction(const LoadedLibrary& library, const char* name) {
#if defined(__APPLE__)
  // The framework keeps the old SCardControl under its plain name.
  if (std::strcmp(name, "SCardControl") == 0) {
    if (void* current = dlsym(library.handle, "SCardControl132")) return current;
  }
#endif
  return dlsym(library.handle, name);
}

std::string ReadVariable(const char* name) {
#if defined(__APPLE__)
  const char* const value = issetugid() != 0 ? nullptr : std::getenv(name);
#else
  const char* const value = secure_getenv(name);
#endif
  return value != nullptr ? value : "";
}

NativeString ToNative(std::string_view utf8) {
  return NativeString(utf8);
}

std::string FromNative(const abi::Char* text, std::size_t length) {
  return std::string(text, length);
}

}  // namespace pcsc_bridge::platform
