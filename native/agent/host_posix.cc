#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cctype>

#include "agent/build.h"
#include "agent/host.h"

namespace pcsc_bridge::agent::platform {

std::vector<std::string> Arguments(int argc, char** argv) {
  return std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc);
}

std::FILE* OpenForReading(const std::string& path) {
  return std::fopen(path.c_str(), "rb");
}

std::string WhoElseMayRead(std::FILE* file) {
  struct stat status;
  if (fstat(fileno(file), &status) != 0) return "users unknown (the system does not report them)";
  return (status.st_mode & (S_IRGRP | S_IROTH)) != 0 ? "other users" : "";
}

const char kMakePrivate[] = "chmod 600";

// Nothing is loaded from the program's directory here.
void LoadFromSystemAlone() {}

std::string WhyNotElevated() {
  return "";
}

std::optional<bool> AskYesOrNo(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0) return std::nullopt;
  std::fputs(question.c_str(), stderr);
  char answer[16] = "";
  return std::fgets(answer, sizeof answer, stdin) != nullptr && (answer[0] == 'y' || answer[0] == 'Y');
}

std::uint32_t ProcessId() {
  return static_cast<std::uint32_t>(getpid());
}

std::string Describe() {
  utsname names;
  if (uname(&names) != 0) return std::string("unknown ") + kArchitecture;
  std::string system = names.sysname;
  for (char& letter : system) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return system + " " + kArchitecture + " " + names.release;
}

void EndProcess(int status) {
  _exit(status);
}

}  // namespace pcsc_bridge::agent::platform
