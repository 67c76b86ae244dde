#include "cache/filter_setting.h"

#include <utility>

#include "cache/filter_store.h"
#include "loop/immortal.h"

namespace pcsc_bridge {

FilterSetting FilterReader::Read() {
  const std::lock_guard<std::mutex> lock(mutex_);
  StoredFilter stored = read_();
  const bool on_now = stored.on.value_or(false);
  if (!on_) on_ = on_now;
  return {*on_, stored.on, on_now != *on_, std::move(stored.place)};
}

FilterSetting ReadFilterSetting() {
  static Immortal<FilterReader> reader(ReadStoredFilter);
  return reader->Read();
}

}  // namespace pcsc_bridge
