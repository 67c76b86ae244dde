#include "card/card_users.h"

#include "loop/immortal.h"

namespace pcsc_bridge {

const std::shared_ptr<CardUsers>& CardUsers::OfProcess() {
  static Immortal<std::shared_ptr<CardUsers>> users(std::make_shared<CardUsers>());
  return *users;
}

std::uint64_t CardUsers::Note(const std::string& reader, const SessionIdentity& identity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  last_[reader] = Use{identity, ++last_number_};
  return last_number_;
}

void CardUsers::NoteReset(const std::string& reader) {
  const std::lock_guard<std::mutex> lock(mutex_);
  last_[reader].identity.reset();
}

bool CardUsers::IsLast(const std::string& reader, std::uint64_t use) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto last = last_.find(reader);
  return last != last_.end() && last->second.number == use && last->second.identity;
}

bool CardUsers::MustReset(const std::string& reader, const CardOwner& owner) const {
  if (!owner.guarded) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto last = last_.find(reader);
  if (last == last_.end()) return !owner.trusts_unknown;
  return last->second.identity && *last->second.identity != owner.identity;
}

}  // namespace pcsc_bridge
