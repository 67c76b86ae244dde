// Whose PIN state a reader's card may be in.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "session/session_identity.h"

namespace pcsc_bridge {

// Remembers, by reader, which session identity had the card last and has not reset it. Shared by all caches
// of a process: its cards are. Thread safe; a leaf among the locks.
class CardUsers {
 public:
  static const std::shared_ptr<CardUsers>& OfProcess();

  // The asker had the card from here on. Tells the number of this use.
  std::uint64_t Note(const std::string& reader, const SessionIdentity& asker);
  // The card was reset at the end of this use. Without effect where another has begun since.
  void Forget(const std::string& reader, std::uint64_t use);
  // Another than the asker had the card last.
  bool MustReset(const std::string& reader, const SessionIdentity& asker) const;

 private:
  struct Use {
    SessionIdentity identity;
    std::uint64_t number = 0;
  };

  mutable std::mutex mutex_;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::string, Use> last_;
};

}  // namespace pcsc_bridge
