#include "backend/daemon/watcher.h"

#include <cstring>
#include <utility>

#include "pcsc/types.h"

namespace pcsc_bridge::daemon {
namespace {

// Of ReaderState::state.
constexpr std::uint32_t kBroken = 0x01;
constexpr std::uint32_t kAbsent = 0x02;
constexpr std::uint32_t kPresent = 0x04;
constexpr std::uint32_t kSwallowed = 0x08;
// Of ReaderState::sharing, else the number of connections.
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

ReaderStatus StatusOf(const ReaderState& state) {
  ReaderStatus reader;
  reader.reader = NameOf(state);
  reader.state = BitsOf(state);
  reader.event_count = state.event_count & 0xffff;  // as SCardGetStatusChange counts
  if ((reader.state & reader_state::kPresent) != 0) {
    reader.atr.assign(state.atr, state.atr + AtrLength(state));
  }
  return reader;
}

}  // namespace

Watcher::Watcher(std::shared_ptr<Loop> loop, std::string socket, backend::Report report)
    : loop_(std::move(loop)),
      socket_(std::move(socket)),
      report_(std::move(report)),
      changes_(std::make_shared<Link>(loop_, socket_)) {
  changes_->Open([this](const Result<Link::Answer>& opened) {
    if (!Works(opened)) return;
    if (changes_->minor() < kMinorOfAnyTable) {
      RegisterForTable();
    } else {
      OpenTableLink();
    }
  });
}

Watcher::~Watcher() {
  changes_->Close();
  if (table_) table_->Close();
}

void Watcher::RegisterForTable() {
  changes_->AskPlain({Command::kWatchReaders}, kOldTable, [this](const Result<Link::Answer>& table) {
    if (!Works(table)) return;
    changes_->Expect(kFormOf<ReaderChange>, [this](const Result<Link::Answer>& change) {
      if (Works(change)) RegisterForTable();
    });
    Report(TableIn(table.value().data));
  });
}

void Watcher::OpenTableLink() {
  table_ = std::make_shared<Link>(loop_, socket_);
  table_->Open([this](const Result<Link::Answer>& opened) {
    if (Works(opened)) Register();
  });
}

// Two messages of one size come, in any order: the answer to kReaderEvents, and the report of a change. The
// first one proves that this link is registered, the second one that something has changed.
void Watcher::Register() {
  registration_ = Registration::kAsked;
  const auto notified = [this](const Result<Link::Answer>& message) {
    if (Works(message)) Notified();
  };
  changes_->AskPlain({Command::kWatchReaders, Command::kReaderEvents}, kFormOf<ReaderEvents>, notified);
  changes_->Expect(kFormOf<ReaderChange>, notified);
}

void Watcher::Notified() {
  if (registration_ == Registration::kInEffect) return Register();
  registration_ = Registration::kInEffect;
  AskTable();
}

void Watcher::AskTable() {
  if (asked_ != Table::kKnown) {
    asked_ = Table::kAskedAndOutdated;
    return;
  }
  asked_ = Table::kAsked;
  table_->AskReaders([this](const Result<Link::Answer>& table) {
    if (!Works(table)) return;
    if (std::exchange(asked_, Table::kKnown) == Table::kAskedAndOutdated) AskTable();
    Report(TableIn(table.value().data));
  });
}

void Watcher::Report(const ReaderTable& table) {
  backend::Picture picture;
  picture.reserve(table.size());
  for (const ReaderState& state : table) picture.push_back(StatusOf(state));
  report_(std::move(picture));
}

bool Watcher::Works(const Result<Link::Answer>& answer) {
  if (answer) return true;
  changes_->Close();
  if (table_) table_->Close();
  Error error = answer.error();
  if (error.operation.empty()) error.operation = "SCardGetStatusChange";
  report_(std::move(error));
  return false;
}

}  // namespace pcsc_bridge::daemon
