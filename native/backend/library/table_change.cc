#include "backend/library/table_change.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "loop/immortal.h"

namespace pcsc_bridge {
namespace {

constexpr std::chrono::milliseconds kPatience{100};

// A library is loaded once per process, and so are its tables.
struct Tables {
  std::mutex mutex;
  std::condition_variable left;
  bool busy = false;
  std::uint64_t entries = 0;
};

Tables& OfProcess() {
  static Immortal<Tables> tables;
  return *tables;
}

// False if one call keeps them for too long; that others come first does not count.
bool Enter(Tables& tables) {
  std::unique_lock<std::mutex> lock(tables.mutex);
  std::uint64_t seen = tables.entries;
  while (!tables.left.wait_for(lock, kPatience, [&] { return !tables.busy; })) {
    if (tables.entries == seen) return false;
    seen = tables.entries;
  }
  ++tables.entries;
  tables.busy = true;
  return true;
}

}  // namespace

TableChange::TableChange(const Library& library) : entered_(library.unguarded_tables && Enter(OfProcess())) {}

TableChange::~TableChange() {
  if (!entered_) return;
  Tables& tables = OfProcess();
  const std::lock_guard<std::mutex> lock(tables.mutex);
  tables.busy = false;
  tables.left.notify_one();
}

}  // namespace pcsc_bridge
