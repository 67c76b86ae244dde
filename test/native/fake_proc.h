// A directory that looks like /proc, with the processes that a test adds.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace pcsc_bridge::test {

struct FakeProcess {
  std::uint32_t pid = 0;
  std::uint32_t session = 0;
  std::uint64_t start = 0;  // clock ticks since boot
  std::string command = "sh";
  std::uint32_t uid = 0;
  std::string audit_session = "4294967295";  // which means none
};

class FakeProc {
 public:
  FakeProc() {
    std::string name = (std::filesystem::temp_directory_path() / "fake-proc-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    root_ = name;
    SetBootSecond(1'700'000'000);
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  std::string root() const { return root_.string(); }

  void SetBootSecond(std::uint64_t second) const {
    Write(root_ / "stat", "cpu  1 2 3\nbtime " + std::to_string(second) + "\nprocesses 9\n");
  }

  void Add(const FakeProcess& process) const {
    const std::filesystem::path directory = root_ / std::to_string(process.pid);
    std::filesystem::create_directories(directory);
    Write(directory / "stat",
          std::to_string(process.pid) + " (" + process.command + ") S 1 " + std::to_string(process.session) +
              " " + std::to_string(process.session) + " 34816 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 " +
              std::to_string(process.start) + " 3133440 416 18446744073709551615 1 1 0 0 0 0 0\n");
    const std::string uid = std::to_string(process.uid);
    Write(directory / "status", "Name:\t" + process.command + "\nUmask:\t0022\nUid:\t" + uid + "\t" + uid +
                                    "\t" + uid + "\t" + uid + "\nGid:\t0\t0\t0\t0\n");
    if (!process.audit_session.empty()) Write(directory / "sessionid", process.audit_session);
  }

  void Remove(std::uint32_t pid) const { std::filesystem::remove_all(root_ / std::to_string(pid)); }

  void Write(const std::filesystem::path& path, const std::string& text) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

 private:
  std::filesystem::path root_;
};

}  // namespace pcsc_bridge::test
