// Status codes of PC/SC: numbers, symbolic names, and sentences for people.
#pragma once

#include <cstdint>

namespace pcsc_bridge {

// A PC/SC return value as the standard writes it (32 bits, 0x8010xxxx), whatever the width of LONG.
using Status = std::uint32_t;

namespace status {

inline constexpr Status kSuccess = 0;
inline constexpr Status kInternalError = 0x80100001;       // SCARD_F_INTERNAL_ERROR
inline constexpr Status kCancelled = 0x80100002;           // SCARD_E_CANCELLED
inline constexpr Status kInvalidHandle = 0x80100003;       // SCARD_E_INVALID_HANDLE
inline constexpr Status kInvalidParameter = 0x80100004;    // SCARD_E_INVALID_PARAMETER
inline constexpr Status kNoMemory = 0x80100006;            // SCARD_E_NO_MEMORY
inline constexpr Status kInsufficientBuffer = 0x80100008;  // SCARD_E_INSUFFICIENT_BUFFER
inline constexpr Status kUnknownReader = 0x80100009;       // SCARD_E_UNKNOWN_READER
inline constexpr Status kTimeout = 0x8010000a;             // SCARD_E_TIMEOUT
inline constexpr Status kSharingViolation = 0x8010000b;    // SCARD_E_SHARING_VIOLATION
inline constexpr Status kNoSmartcard = 0x8010000c;         // SCARD_E_NO_SMARTCARD
inline constexpr Status kUnknownCard = 0x8010000d;         // SCARD_E_UNKNOWN_CARD
inline constexpr Status kProtoMismatch = 0x8010000f;       // SCARD_E_PROTO_MISMATCH
inline constexpr Status kCommError = 0x80100013;           // SCARD_F_COMM_ERROR
inline constexpr Status kNotTransacted = 0x80100016;       // SCARD_E_NOT_TRANSACTED
inline constexpr Status kReaderUnavailable = 0x80100017;   // SCARD_E_READER_UNAVAILABLE
inline constexpr Status kNoService = 0x8010001d;           // SCARD_E_NO_SERVICE
inline constexpr Status kServiceStopped = 0x8010001e;      // SCARD_E_SERVICE_STOPPED
inline constexpr Status kNoReadersAvailable = 0x8010002e;  // SCARD_E_NO_READERS_AVAILABLE
inline constexpr Status kUnresponsiveCard = 0x80100066;    // SCARD_W_UNRESPONSIVE_CARD
inline constexpr Status kUnpoweredCard = 0x80100067;       // SCARD_W_UNPOWERED_CARD
inline constexpr Status kResetCard = 0x80100068;           // SCARD_W_RESET_CARD
inline constexpr Status kRemovedCard = 0x80100069;         // SCARD_W_REMOVED_CARD
inline constexpr Status kCacheItemNotFound = 0x80100070;   // SCARD_W_CACHE_ITEM_NOT_FOUND
inline constexpr Status kCacheItemStale = 0x80100071;      // SCARD_W_CACHE_ITEM_STALE
inline constexpr Status kCacheItemTooBig = 0x80100072;     // SCARD_W_CACHE_ITEM_TOO_BIG

// Our own, in the customer range (bit 29) so that they never meet one of PC/SC.
inline constexpr Status kLibraryMissing = 0xe0100001;  // BRIDGE_E_LIBRARY_MISSING
inline constexpr Status kClosed = 0xe0100002;          // BRIDGE_E_CLOSED
inline constexpr Status kAbandoned = 0xe0100003;       // BRIDGE_E_ABANDONED
inline constexpr Status kSessionUnknown = 0xe0100004;  // BRIDGE_E_SESSION_UNKNOWN
inline constexpr Status kNotConnected = 0xe0100005;    // BRIDGE_E_NOT_CONNECTED

}  // namespace status

struct StatusText {
  const char* name;  // "SCARD_E_SHARING_VIOLATION"; never null
  const char* text;  // what happened and what to do, as a sentence without a final stop; never null
};

// The name and text of a status; for an unknown one the name "SCARD_UNKNOWN" and a text that says so.
StatusText Describe(Status code);

}  // namespace pcsc_bridge
