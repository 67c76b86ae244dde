// Compares the code with the article's data.
#include "doctor/hotfix_949538.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace hotfix = pcsc_bridge::doctor::hotfix;

std::string Data() {
  std::ifstream file(PROJECT_DIR "/test/data/hotfix-949538.json");
  REQUIRE(file.is_open());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Every value of the member `name`, text or number, in the order of the file.
std::vector<std::string> ValuesOf(const std::string& json, const std::string& name) {
  std::vector<std::string> values;
  const std::string key = "\"" + name + "\": ";
  for (std::size_t at = json.find(key); at != std::string::npos; at = json.find(key, at + 1)) {
    const std::size_t start = at + key.size();
    std::string value = json.substr(start, json.find_first_of(",\n", start) - start);
    if (value.front() == '"') value = value.substr(1, value.size() - 2);
    for (std::size_t slash = value.find("\\\\"); slash != std::string::npos;
         slash = value.find("\\\\", slash + 1)) {
      value.erase(slash, 1);
    }
    values.push_back(value);
  }
  return values;
}

std::string Only(const std::vector<std::string>& values) {
  REQUIRE(values.size() == 1);
  return values[0];
}

TEST_CASE("the registry value is the article's") {
  const std::string json = Data();
  CHECK(Only(ValuesOf(json, "article")) == hotfix::kArticle);
  CHECK(Only(ValuesOf(json, "hive")) == "HKEY_LOCAL_MACHINE");
  CHECK(Only(ValuesOf(json, "key")) == hotfix::kKey);
  CHECK(Only(ValuesOf(json, "value")) == hotfix::kValue);
  CHECK(Only(ValuesOf(json, "type")) == "REG_DWORD");
  CHECK(Only(ValuesOf(json, "enabled")) == std::to_string(hotfix::kEnabled));
  CHECK(Only(ValuesOf(json, "disabled")) == std::to_string(hotfix::kDisabled));
  CHECK(Only(ValuesOf(json, "restartRequired")) == "true");
}

TEST_CASE("the minimum versions of both files are the article's, on each service pack and architecture") {
  const std::string json = Data();
  const std::vector<std::string> files = ValuesOf(json, "file");
  const std::vector<std::string> versions = ValuesOf(json, "version");
  const std::vector<std::string> packs = ValuesOf(json, "servicePack");
  const std::vector<std::string> architectures = ValuesOf(json, "arch");
  REQUIRE(files.size() == 12);
  REQUIRE(versions.size() == files.size());
  REQUIRE(packs.size() == files.size());
  REQUIRE(architectures.size() == files.size());

  std::set<std::string> listed;
  for (std::size_t i = 0; i < files.size(); ++i) {
    listed.insert(files[i] + " " + versions[i] + " " + packs[i] + " " + architectures[i]);
  }
  std::set<std::string> ours;
  for (const char* file : hotfix::kFiles) {
    for (const hotfix::Minimum& minimum : hotfix::kMinimums) {
      for (const char* architecture : hotfix::kArchitectures) {
        ours.insert(std::string(file) + " 6.0." + std::to_string(minimum.build) + "." +
                    std::to_string(minimum.revision) + " " + minimum.service_pack + " " + architecture);
      }
    }
  }
  CHECK((ours == listed));
}

TEST_CASE("the builds are the systems in the article") {
  const std::vector<std::string> builds = ValuesOf(Data(), "build");
  REQUIRE(builds.size() == std::size(hotfix::kMinimums));
  for (std::size_t i = 0; i < builds.size(); ++i) {
    CHECK(builds[i] == "6.0." + std::to_string(hotfix::kMinimums[i].build));
  }
}

}  // namespace
