#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "backend/daemon/watch.h"
#include "pcsc/types.h"

namespace pcsc_bridge::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of ReaderState::state.
constexpr std::uint32_t kBroken = 0x01;
constexpr std::uint32_t kAbsent = 0x02;
constexpr std::uint32_t kPresent = 0x04;
constexpr std::uint32_t kSwallowed = 0x08;
// Of ReaderState::sharing, else the number of users.
constexpr std::int32_t kExclusive = -1;

// reader_state bits.
std::uint32_t BitsOf(const ReaderState& state) {
  if ((state.state & kBroken) != 0) return reader_state::kUnavailable;
  std::uint32_t bits = 0;
  if ((state.state & kAbsent) != 0) bits |= reader_state::kEmpty;
  if ((state.state & kPresent) != 0) {
    bits |= reader_state::kPresent;
    if ((state.state & kSwallowed) != 0) bits |= reader_state::kMute;
    if (state.sharing > 0) bits |= reader_state::kInUse;
  }
  if (state.sharing == kExclusive) bits |= reader_state::kExclusive;
  return bits;
}

}  // namespace

bool Update(abi::ReaderState* readers, std::size_t count, const ReaderTable& table) {
  bool changed = false;
  for (abi::ReaderState* reader = readers; reader != readers + count; ++reader) {
    const std::string_view name = reader->reader;
    const ReaderState* const found = Find(table, name);
    std::uint32_t events = 0;
    std::uint32_t bits = 0;
    reader->atr_length = 0;
    if (found != nullptr) {
      events = found->event_count;
      bits = BitsOf(*found);
      if ((bits & reader_state::kPresent) != 0) {
        reader->atr_length = AtrLength(*found);
        std::copy_n(found->atr, reader->atr_length, reader->atr);
      }
    } else if (name == kPnpNotification) {
      events = static_cast<std::uint32_t>(std::count_if(
          table.begin(), table.end(), [](const ReaderState& one) { return !NameOf(one).empty(); }));
    } else {
      bits = reader_state::kUnknown | reader_state::kUnavailable;
    }
    reader->event_state = ((events & 0xffff) << 16) | bits;
    if (reader->event_state == reader->current_state) continue;
    reader->event_state |= reader_state::kChanged;
    changed = true;
  }
  return changed;
}

Watch::~Watch() {
  if (bell_ >= 0) (void)close(bell_);
}

int Watch::Bell() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (bell_ < 0) bell_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return bell_;
}

void Watch::Cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (bell_ >= 0) (void)eventfd_write(bell_, 1);
}

Status Watch::Await(abi::ReaderState* readers, std::size_t count, std::optional<milliseconds> limit) {
  const auto start = steady_clock::now();
  const bool only_looks = limit && limit->count() <= 0;
  // From here on: a Cancel that comes before the wait has begun ends it, too.
  const int bell = only_looks ? -1 : Bell();
  if (!only_looks && bell < 0) return status::kNoMemory;
  ReaderTable table;
  Status code = only_looks ? link_.AskReaderStates(table) : link_.Watch(table);
  if (code != status::kSuccess) return code;
  bool changed = Update(readers, count, table);
  const auto unknown = [](const abi::ReaderState& reader) {
    return (reader.event_state & reader_state::kUnknown) != 0;
  };
  if (std::any_of(readers, readers + count, unknown)) return status::kUnknownReader;
  while (!changed) {
    if (only_looks) return status::kTimeout;
    code = link_.AwaitChange(bell, limit ? std::optional(start + *limit) : std::nullopt);
    if (code == status::kCancelled) {
      eventfd_t rung = 0;
      (void)eventfd_read(bell, &rung);
    }
    if (code == status::kSuccess) code = link_.Watch(table);
    if (code != status::kSuccess) return code;
    changed = Update(readers, count, table);
  }
  return status::kSuccess;
}

}  // namespace pcsc_bridge::daemon
