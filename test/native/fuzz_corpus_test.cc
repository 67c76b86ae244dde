// The inputs in test/fuzz/corpus, among them those that once broke a contract.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "../fuzz/native/target.h"

namespace {

using namespace pcsc_bridge;  // NOLINT

Bytes Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

TEST_CASE("no input of the fuzzers' corpus breaks a contract") {
  for (const fuzz::Target& target : fuzz::kTargets) {
    const auto corpus = std::filesystem::path(PROJECT_DIR) / "test/fuzz/corpus" / target.name;
    std::size_t replayed = 0;
    for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
      const std::string path = entry.path().string();
      INFO(path);  // printed if the process aborts here
      const Bytes input = Read(entry.path());
      target.run({input.data(), input.size()});
      ++replayed;
    }
    CHECK_MESSAGE(replayed > 0, "no corpus of ", target.name);
  }
}

}  // namespace
