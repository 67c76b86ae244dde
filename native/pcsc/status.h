// Status codes of PC/SC: numbers, symbolic names, and sentences for people.
#pragma once

#include <cstdint>
#include <string_view>

namespace pcsc_bridge {

// A PC/SC return value as the standard writes it (32 bits, 0x8010xxxx), whatever the width of LONG.
using Status = std::uint32_t;

namespace status {

inline constexpr Status kSuccess = 0;                      // SCARD_S_SUCCESS
inline constexpr Status kInternalError = 0x80100001;       // SCARD_F_INTERNAL_ERROR
inline constexpr Status kCancelled = 0x80100002;           // SCARD_E_CANCELLED
inline constexpr Status kInvalidHandle = 0x80100003;       // SCARD_E_INVALID_HANDLE
inline constexpr Status kInvalidParameter = 0x80100004;    // SCARD_E_INVALID_PARAMETER
inline constexpr Status kInvalidTarget = 0x80100005;       // SCARD_E_INVALID_TARGET
inline constexpr Status kNoMemory = 0x80100006;            // SCARD_E_NO_MEMORY
inline constexpr Status kWaitedTooLong = 0x80100007;       // SCARD_F_WAITED_TOO_LONG
inline constexpr Status kInsufficientBuffer = 0x80100008;  // SCARD_E_INSUFFICIENT_BUFFER
inline constexpr Status kUnknownReader = 0x80100009;       // SCARD_E_UNKNOWN_READER
inline constexpr Status kTimeout = 0x8010000a;             // SCARD_E_TIMEOUT
inline constexpr Status kSharingViolation = 0x8010000b;    // SCARD_E_SHARING_VIOLATION
inline constexpr Status kNoSmartcard = 0x8010000c;         // SCARD_E_NO_SMARTCARD
inline constexpr Status kUnknownCard = 0x8010000d;         // SCARD_E_UNKNOWN_CARD
inline constexpr Status kCantDispose = 0x8010000e;         // SCARD_E_CANT_DISPOSE
inline constexpr Status kProtoMismatch = 0x8010000f;       // SCARD_E_PROTO_MISMATCH
inline constexpr Status kNotReady = 0x80100010;            // SCARD_E_NOT_READY
inline constexpr Status kInvalidValue = 0x80100011;        // SCARD_E_INVALID_VALUE
inline constexpr Status kSystemCancelled = 0x80100012;     // SCARD_E_SYSTEM_CANCELLED
inline constexpr Status kCommError = 0x80100013;           // SCARD_F_COMM_ERROR
inline constexpr Status kUnknownError = 0x80100014;        // SCARD_F_UNKNOWN_ERROR
inline constexpr Status kInvalidAtr = 0x80100015;          // SCARD_E_INVALID_ATR
inline constexpr Status kNotTransacted = 0x80100016;       // SCARD_E_NOT_TRANSACTED
inline constexpr Status kReaderUnavailable = 0x80100017;   // SCARD_E_READER_UNAVAILABLE
inline constexpr Status kShutdown = 0x80100018;            // SCARD_P_SHUTDOWN
inline constexpr Status kPciTooSmall = 0x80100019;         // SCARD_E_PCI_TOO_SMALL
inline constexpr Status kReaderUnsupported = 0x8010001a;   // SCARD_E_READER_UNSUPPORTED
inline constexpr Status kDuplicateReader = 0x8010001b;     // SCARD_E_DUPLICATE_READER
inline constexpr Status kCardUnsupported = 0x8010001c;     // SCARD_E_CARD_UNSUPPORTED
inline constexpr Status kNoService = 0x8010001d;           // SCARD_E_NO_SERVICE
inline constexpr Status kServiceStopped = 0x8010001e;      // SCARD_E_SERVICE_STOPPED
// One number, two meanings: SCARD_E_UNEXPECTED on Windows, SCARD_E_UNSUPPORTED_FEATURE (mostly) on pcsc-lite
// and macOS, whose <pcsclite.h> gives it both names. Windows has kUnsupportedFeature for the second one.
inline constexpr Status kUnexpected = 0x8010001f;
inline constexpr Status kIccInstallation = 0x80100020;         // SCARD_E_ICC_INSTALLATION
inline constexpr Status kIccCreateOrder = 0x80100021;          // SCARD_E_ICC_CREATEORDER
inline constexpr Status kUnsupportedFeature = 0x80100022;      // SCARD_E_UNSUPPORTED_FEATURE
inline constexpr Status kDirNotFound = 0x80100023;             // SCARD_E_DIR_NOT_FOUND
inline constexpr Status kFileNotFound = 0x80100024;            // SCARD_E_FILE_NOT_FOUND
inline constexpr Status kNoDir = 0x80100025;                   // SCARD_E_NO_DIR
inline constexpr Status kNoFile = 0x80100026;                  // SCARD_E_NO_FILE
inline constexpr Status kNoAccess = 0x80100027;                // SCARD_E_NO_ACCESS
inline constexpr Status kWriteTooMany = 0x80100028;            // SCARD_E_WRITE_TOO_MANY
inline constexpr Status kBadSeek = 0x80100029;                 // SCARD_E_BAD_SEEK
inline constexpr Status kInvalidChv = 0x8010002a;              // SCARD_E_INVALID_CHV
inline constexpr Status kUnknownResMng = 0x8010002b;           // SCARD_E_UNKNOWN_RES_MNG
inline constexpr Status kNoSuchCertificate = 0x8010002c;       // SCARD_E_NO_SUCH_CERTIFICATE
inline constexpr Status kCertificateUnavailable = 0x8010002d;  // SCARD_E_CERTIFICATE_UNAVAILABLE
inline constexpr Status kNoReadersAvailable = 0x8010002e;      // SCARD_E_NO_READERS_AVAILABLE
inline constexpr Status kCommDataLost = 0x8010002f;            // SCARD_E_COMM_DATA_LOST
inline constexpr Status kNoKeyContainer = 0x80100030;          // SCARD_E_NO_KEY_CONTAINER
inline constexpr Status kServerTooBusy = 0x80100031;           // SCARD_E_SERVER_TOO_BUSY
inline constexpr Status kPinCacheExpired = 0x80100032;         // SCARD_E_PIN_CACHE_EXPIRED
inline constexpr Status kNoPinCache = 0x80100033;              // SCARD_E_NO_PIN_CACHE
inline constexpr Status kReadOnlyCard = 0x80100034;            // SCARD_E_READ_ONLY_CARD
inline constexpr Status kUnsupportedCard = 0x80100065;         // SCARD_W_UNSUPPORTED_CARD
inline constexpr Status kUnresponsiveCard = 0x80100066;        // SCARD_W_UNRESPONSIVE_CARD
inline constexpr Status kUnpoweredCard = 0x80100067;           // SCARD_W_UNPOWERED_CARD
inline constexpr Status kResetCard = 0x80100068;               // SCARD_W_RESET_CARD
inline constexpr Status kRemovedCard = 0x80100069;             // SCARD_W_REMOVED_CARD
inline constexpr Status kSecurityViolation = 0x8010006a;       // SCARD_W_SECURITY_VIOLATION
inline constexpr Status kWrongChv = 0x8010006b;                // SCARD_W_WRONG_CHV
inline constexpr Status kChvBlocked = 0x8010006c;              // SCARD_W_CHV_BLOCKED
inline constexpr Status kEof = 0x8010006d;                     // SCARD_W_EOF
inline constexpr Status kCancelledByUser = 0x8010006e;         // SCARD_W_CANCELLED_BY_USER
inline constexpr Status kCardNotAuthenticated = 0x8010006f;    // SCARD_W_CARD_NOT_AUTHENTICATED
inline constexpr Status kCacheItemNotFound = 0x80100070;       // SCARD_W_CACHE_ITEM_NOT_FOUND
inline constexpr Status kCacheItemStale = 0x80100071;          // SCARD_W_CACHE_ITEM_STALE
inline constexpr Status kCacheItemTooBig = 0x80100072;         // SCARD_W_CACHE_ITEM_TOO_BIG

// Windows' own codes that its service passes on.
inline constexpr Status kWindowsInvalidHandle = 6;    // ERROR_INVALID_HANDLE: the service has started anew
inline constexpr Status kWindowsBrokenPipe = 109;     // ERROR_BROKEN_PIPE: the remote desktop connection went
inline constexpr Status kWindowsNoMedia = 0x458;      // ERROR_NO_MEDIA_IN_DRIVE: the card was taken out
inline constexpr Status kWindowsIoDevice = 0x45d;     // ERROR_IO_DEVICE: the card was taken out
inline constexpr Status kWindowsBadStubData = 0x6f7;  // RPC_X_BAD_STUB_DATA: no readers are redirected

// The codes of this library, in the customer range (bit 29), so that they never equal one of PC/SC. The
// list is complete: a new code takes the next number here, even if only src/errors.ts uses it.
inline constexpr Status kLibraryMissing = 0xe0100001;  // BRIDGE_E_LIBRARY_MISSING
inline constexpr Status kClosed = 0xe0100002;          // BRIDGE_E_CLOSED
inline constexpr Status kAbandoned = 0xe0100003;       // BRIDGE_E_ABANDONED
inline constexpr Status kSessionUnknown = 0xe0100004;  // BRIDGE_E_SESSION_UNKNOWN
inline constexpr Status kNotConnected = 0xe0100005;    // BRIDGE_E_NOT_CONNECTED
inline constexpr Status kNested = 0xe0100006;          // BRIDGE_E_NESTED

}  // namespace status

struct StatusText {
  const char* name;  // "SCARD_E_SHARING_VIOLATION"; never null
  const char* text;  // what happened and what to do, as a sentence without a final stop; never null
};

// The name and text of a status. For an unknown one the name is "SCARD_UNKNOWN" and the text says so. The
// meaning of some codes depends on the function that failed: pass its name.
StatusText Describe(Status code, std::string_view operation = {});

}  // namespace pcsc_bridge
