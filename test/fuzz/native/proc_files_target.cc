// A made-up /proc. The input is the content of its files, separated by zero bytes; the content "-" means a
// missing file.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "session/proc_source.h"
#include "target.h"

namespace pcsc_bridge::fuzz {
namespace {

constexpr std::uint32_t kProcess = 7;

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "pcsc-bridge-fuzz-XXXXXX").string();
    Require(mkdtemp(name.data()) != nullptr, "there is a temporary directory");
    root_ = name;
    for (const char* const process : {"1", "7", "8"}) std::filesystem::create_directory(root_ / process);
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string root() const { return root_.string(); }
  void Write(const char* name, const std::string& content) {
    const auto [known, is_new] = contents_.try_emplace(name, content);
    if (!is_new && std::exchange(known->second, content) == content) return;
    const std::string path = root() + "/" + name;
    if (content == "-") {
      (void)unlink(path.c_str());
      return;
    }
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    Require(file >= 0 && write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
            "a temporary file can be written");
    (void)close(file);
  }

 private:
  std::filesystem::path root_;
  std::map<std::string, std::string> contents_;  // as written, so that only changed files are written
};

constexpr std::array kFiles = {"7/stat",   "7/sessionid", "7/loginuid", "7/status", "1/stat",
                               "1/status", "8/stat",      "8/status",   "stat"};

}  // namespace

void ProcFiles(Input input) {
  static Directory directory;
  std::vector<std::string> contents = SplitAtZeros(input.Rest());
  contents.resize(kFiles.size(), "-");
  for (std::size_t i = 0; i < kFiles.size(); ++i) directory.Write(kFiles[i], contents[i]);
  ProcSource source(directory.root());
  const Result<Session> session = source.Ask(kProcess);
  if (!session) return Require(session.code() == status::kSessionUnknown, "the session is unknown");
  Require(source.Ask(kProcess).value().identity.connect_time == session.value().identity.connect_time,
          "a session keeps its connect time");
  Require(source.Ask(kProcess).value().identity.id == session.value().identity.id, "a session keeps its id");
}

}  // namespace pcsc_bridge::fuzz
