#include "cache/card_users.h"

#include "loop/immortal.h"

namespace pcsc_bridge {

const std::shared_ptr<CardUsers>& CardUsers::OfProcess() {
  static Immortal<std::shared_ptr<CardUsers>> users(std::make_shared<CardUsers>());
  return *users;
}

std::uint64_t CardUsers::Note(const std::string& reader, const SessionIdentity& asker) {
  const std::lock_guard<std::mutex> lock(mutex_);
  last_[reader] = Use{asker, ++last_number_};
  return last_number_;
}

void CardUsers::Forget(const std::string& reader, std::uint64_t use) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto last = last_.find(reader);
  if (last != last_.end() && last->second.number == use) last_.erase(last);
}

bool CardUsers::MustReset(const std::string& reader, const SessionIdentity& asker) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto last = last_.find(reader);
  return last != last_.end() && last->second.identity != asker;
}

}  // namespace pcsc_bridge
