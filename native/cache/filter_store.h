// The store of the filter's setting, and the rule by which it becomes the setting of a process.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "cache/filter_setting.h"

namespace pcsc_bridge {

// The name of the registry value in KB949538; the environment variable has the same name.
inline constexpr char kFilterName[] = "FilterCSPCardCacheByTSSessionConnectTime";
// The value's key in HKEY_LOCAL_MACHINE, 64-bit view.
inline constexpr char kFilterKey[] = "SOFTWARE\\Microsoft\\Cryptography\\Calais\\Cache";

struct StoredFilter {
  std::optional<bool> on;  // nothing when the value is absent; off when it is anything but 1
  std::string place;
};

// Reads what is stored now. Each platform has its filter_setting_*.cc.
StoredFilter ReadStoredFilter();

// Reads a store as the original does: the first value stays in effect, later ones are only compared with
// it.
class FilterReader {
 public:
  explicit FilterReader(StoredFilter (*read)()) : read_(read) {}

  FilterSetting Read();  // thread safe

 private:
  StoredFilter (*const read_)();
  std::mutex mutex_;
  std::optional<bool> on_;  // nothing before the first question
};

}  // namespace pcsc_bridge
