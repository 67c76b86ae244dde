#include <cstdlib>

#include "platform.h"

namespace fake_pcsc::platform {

const Semantics kSemantics = Semantics::kPcsclite;

std::FILE* OpenFile(const char* variable, const char* mode) {
  const char* path = std::getenv(variable);
  std::FILE* file = path != nullptr ? std::fopen(path, mode) : nullptr;
  if (file != nullptr) (void)std::setvbuf(file, nullptr, _IONBF, 0);
  return file;
}

std::string ToUtf8(const abi::Char* text) {
  return text;
}

std::basic_string<abi::Char> FromUtf8(const std::string& text) {
  return text;
}

}  // namespace fake_pcsc::platform
