// What the card cache is asked and what it tells.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pcsc/types.h"
#include "session/session_identity.h"

namespace pcsc_bridge {

// Names a card for good, whatever reader it is in: the GUID of a PIV card, the cardid of the Base CSP.
using CardId = std::array<std::uint8_t, 16>;

// The card that is wanted: whatever is in a reader, or a card known by its id, or both.
struct CacheTarget {
  std::string reader;  // UTF-8; empty: any reader
  std::optional<CardId> card_id;
};

// What a lookup did to one cached entry.
struct Evaluation {
  std::uint64_t entry = 0;
  std::string reader;
  SessionIdentity opened_by;
  bool valid = false;
  bool waited = false;  // the card was in another transaction, or the entry in use
  std::chrono::microseconds duration{0};
};

struct CacheEntryInfo {
  std::uint64_t id = 0;  // never used again within the process
  SessionIdentity identity;
  std::string reader;
  Bytes atr;
  std::optional<CardId> card_id;
  std::chrono::system_clock::time_point last_used;
  bool leased = false;
};

}  // namespace pcsc_bridge
