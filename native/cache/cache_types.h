// Requests to the card cache, and its reports.
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

// Identifies a card permanently, in any reader: the GUID of a PIV card, the cardid of the Base CSP.
using CardId = std::array<std::uint8_t, 16>;

// The wanted card: the card in a reader, a card with a known id, or both.
struct CacheTarget {
  std::string reader;  // UTF-8; empty: any reader
  std::optional<CardId> card_id;
  // One of these must be active in the transaction. Which entry matches does not depend on it: a card has one
  // protocol for all its handles, and is reset to change it.
  Protocols protocols = kT0OrT1;
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
  Protocols protocol = 0;  // the active one, when the entry was last claimed
  std::optional<CardId> card_id;
  std::chrono::system_clock::time_point last_used;
  bool leased = false;
};

}  // namespace pcsc_bridge
