#include "cache/filter_setting.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cache/filter_store.h"

namespace {

using pcsc_bridge::FilterReader;
using pcsc_bridge::FilterSetting;
using pcsc_bridge::kFilterName;
using pcsc_bridge::ReadFilterSetting;
using pcsc_bridge::ReadStoredFilter;
using pcsc_bridge::StoredFilter;

// A store for the test, from which FilterReader reads.
std::optional<bool> stored_value;
StoredFilter ReadTestStore() {
  return {stored_value, "the test's store"};
}

// Sets an environment variable and restores it afterwards.
class Environment {
 public:
  explicit Environment(const char* value) {
    if (const char* before = std::getenv(kFilterName)) before_ = before;
    Set(value);
  }
  ~Environment() { Set(before_ ? before_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  static void Set(const char* value) {
    if (value != nullptr) {
      setenv(kFilterName, value, 1);
    } else {
      unsetenv(kFilterName);
    }
  }

 private:
  std::optional<std::string> before_;
};

TEST_CASE("without a filter value the filter is off and nothing is stored") {
  stored_value.reset();
  FilterReader reader(ReadTestStore);
  const FilterSetting setting = reader.Read();
  CHECK_FALSE(setting.on);
  CHECK_FALSE(setting.stored.has_value());
  CHECK_FALSE(setting.restart_pending);
  CHECK(setting.place == "the test's store");
}

TEST_CASE("the first value read stays in effect, and a later change is pending until a restart") {
  stored_value = false;
  FilterReader reader(ReadTestStore);
  CHECK_FALSE(reader.Read().on);

  stored_value = true;
  FilterSetting setting = reader.Read();
  CHECK_FALSE(setting.on);
  CHECK(setting.stored == std::optional(true));
  CHECK(setting.restart_pending);

  stored_value = false;
  CHECK_FALSE(reader.Read().restart_pending);
}

TEST_CASE("a filter value that is deleted makes a restart pending") {
  stored_value = true;
  FilterReader reader(ReadTestStore);
  CHECK(reader.Read().on);

  stored_value.reset();
  const FilterSetting setting = reader.Read();
  CHECK(setting.on);
  CHECK_FALSE(setting.stored.has_value());
  CHECK(setting.restart_pending);
}

TEST_CASE("writing 0 without a stored value changes nothing") {
  stored_value.reset();
  FilterReader reader(ReadTestStore);
  CHECK_FALSE(reader.Read().on);
  stored_value = false;
  CHECK_FALSE(reader.Read().restart_pending);
}

TEST_CASE("in the environment only 1 turns the filter on") {
  const Environment environment("1");
  CHECK(ReadStoredFilter().on == std::optional(true));
  for (const char* other : {"0", "", "2", "01", "1 ", "true", "on"}) {
    CAPTURE(other);
    Environment::Set(other);
    CHECK(ReadStoredFilter().on == std::optional(false));
  }
  Environment::Set(nullptr);
  CHECK_FALSE(ReadStoredFilter().on.has_value());
  CHECK(ReadStoredFilter().place.find(kFilterName) != std::string::npos);
}

TEST_CASE("the process keeps the setting of its first read") {
  const bool first = ReadFilterSetting().on;
  const Environment environment(first ? "0" : "1");
  const FilterSetting setting = ReadFilterSetting();
  CHECK(setting.on == first);
  CHECK(setting.stored == std::optional(!first));
  CHECK(setting.restart_pending);
}

TEST_CASE("threads that read the filter at once get the same result") {
  stored_value = true;
  FilterReader reader(ReadTestStore);
  std::atomic<int> on{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int question = 0; question < 100; ++question) on += reader.Read().on ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(on == 400);
}

}  // namespace
