// Tracks which identities have used a reader's card since its last reset, and so whose PIN may be verified on
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "session/session_identity.h"

namespace pcsc_bridge {

// The owner of a card's use.
struct CardOwner {
  SessionIdentity identity;
  // Whether a card that another identity has used since its last reset is reset before this one gets it.
  bool guarded = false;
  // Whether a card that this process has not used yet is used as it is. Otherwise it is reset: another
  // process, for example a killed one, may have left a verified PIN on it.
  bool trusts_unknown = false;
};

// Remembers, by reader, which session identities have had the card since this process last reset it. Shared
// by all loops of a process: its cards are. Thread safe.
class CardUsers {
 public:
  static const std::shared_ptr<CardUsers>& OfProcess();

  // The identity has the card from here on. Returns the number of this use, which is never 0.
  std::uint64_t Note(const std::string& reader, const SessionIdentity& identity);
  // The holder of the turn at the reader has reset the card.
  void NoteReset(const std::string& reader);
  // A reset that was asked for has failed. The card is reset before the next use, also by the same identity.
  void NoteFailedReset(const std::string& reader);
  // Whether the card has not been reset since this use. False for 0, no use.
  bool OwesReset(const std::string& reader, std::uint64_t use) const;
  // Whether the card has to be reset before the owner gets it.
  bool MustReset(const std::string& reader, const CardOwner& owner) const;

 private:
  struct History {
    std::uint64_t reset = 0;  // the number of the last reset; 0: none yet, so there may be earlier users
    std::optional<SessionIdentity> user;  // the first one since
    bool several = false;                 // and others after it
    bool failed = false;                  // a reset has failed since
  };

  mutable std::mutex mutex_;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::string, History> readers_;
};

}  // namespace pcsc_bridge
