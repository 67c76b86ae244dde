#include "card/card_users.h"

#include "loop/immortal.h"

namespace pcsc_bridge {

const std::shared_ptr<CardUsers>& CardUsers::OfProcess() {
  static Immortal<std::shared_ptr<CardUsers>> users(std::make_shared<CardUsers>());
  return *users;
}

std::uint64_t CardUsers::Note(const std::string& reader, const SessionIdentity& identity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  History& history = readers_[reader];
  if (!history.user) {
    history.user = identity;
  } else if (*history.user != identity) {
    history.several = true;
  }
  return ++last_number_;
}

void CardUsers::NoteReset(const std::string& reader) {
  const std::lock_guard<std::mutex> lock(mutex_);
  readers_[reader] = History{++last_number_, std::nullopt, false, false};
}

void CardUsers::NoteFailedReset(const std::string& reader) {
  const std::lock_guard<std::mutex> lock(mutex_);
  readers_[reader].failed = true;
}

bool CardUsers::OwesReset(const std::string& reader, std::uint64_t use) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto history = readers_.find(reader);
  return history != readers_.end() && use > history->second.reset;
}

bool CardUsers::MustReset(const std::string& reader, const CardOwner& owner) const {
  if (!owner.guarded) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = readers_.find(reader);
  if (found == readers_.end()) return !owner.trusts_unknown;
  const History& history = found->second;
  if (history.failed || history.several || (history.user && *history.user != owner.identity)) return true;
  return history.reset == 0 && !owner.trusts_unknown;
}

}  // namespace pcsc_bridge
