// Names and texts: <winscard.h> and <winerror.h> as documented on learn.microsoft.com ("Smart Card Return
// Values"), and <pcsclite.h> of pcsc-lite. The texts are ours.
#include "pcsc/status.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace pcsc_bridge {
namespace {

struct Row {
  Status code;
  StatusText words;
};

// Sorted by code, which the static_assert below holds us to.
constexpr Row kRows[] = {
    {status::kSuccess, {"SCARD_S_SUCCESS", "The operation succeeded"}},

    // Windows passes on the error of the reader's driver or of the remote desktop connection.
    {0x00000001, {"ERROR_INVALID_FUNCTION", "The reader's driver does not know this control code"}},
    {0x00000005, {"ERROR_ACCESS_DENIED", "This user has no permission for that; check the user's rights"}},
    {status::kWindowsInvalidHandle,
     {"ERROR_INVALID_HANDLE", "The handle is not, or no longer, valid; connect again"}},
    {0x00000015, {"ERROR_NOT_READY", "The reader is not ready; check that the card is fully inserted"}},
    {0x00000016, {"ERROR_BAD_COMMAND", "The reader's driver refused the command in its present state"}},
    {0x0000001f, {"ERROR_GEN_FAILURE", "The reader does not work; unplug it and plug it in again"}},
    {0x00000032, {"ERROR_NOT_SUPPORTED", "The reader's driver does not support this request"}},
    {0x00000057, {"ERROR_INVALID_PARAMETER", "The reader's driver refused a parameter of the request"}},
    {status::kWindowsBrokenPipe,
     {"ERROR_BROKEN_PIPE",
      "This remote session has no smart card redirection; turn it on in the remote desktop client"}},
    {0x00000079, {"ERROR_SEM_TIMEOUT", "The reader did not answer in time; unplug it and plug it in again"}},
    {0x0000007a, {"ERROR_INSUFFICIENT_BUFFER", "The answer is longer than the buffer for it"}},
    {0x000003e3,
     {"ERROR_OPERATION_ABORTED",
      "The operation was ended because its thread ended or the reader was removed"}},
    {status::kWindowsNoMedia,
     {"ERROR_NO_MEDIA_IN_DRIVE", "The card was taken out; insert it and connect again"}},
    {status::kWindowsIoDevice,
     {"ERROR_IO_DEVICE", "The card was taken out, or the reader reported an input/output error"}},
    {0x0000048f, {"ERROR_DEVICE_NOT_CONNECTED", "The reader is not connected; plug it in"}},
    {status::kWindowsBadStubData,
     {"RPC_X_BAD_STUB_DATA",
      "This remote session has no readers; redirect them in the remote desktop client"}},

    {status::kInternalError,
     {"SCARD_F_INTERNAL_ERROR", "The smart card service found an internal inconsistency; see its log"}},
    {status::kCancelled, {"SCARD_E_CANCELLED", "The operation was cancelled before it was done"}},
    {status::kInvalidHandle,
     {"SCARD_E_INVALID_HANDLE",
      "The handle is not, or no longer, valid, as after a restart of the smart card service; connect again"}},
    {status::kInvalidParameter, {"SCARD_E_INVALID_PARAMETER", "A parameter could not be understood"}},
    {status::kInvalidTarget,
     {"SCARD_E_INVALID_TARGET", "The registry's startup information for the card is missing or invalid"}},
    {status::kNoMemory, {"SCARD_E_NO_MEMORY", "There is not enough memory for this command"}},
    {status::kWaitedTooLong,
     {"SCARD_F_WAITED_TOO_LONG", "A timer inside the smart card service ran out; try again"}},
    {status::kInsufficientBuffer,
     {"SCARD_E_INSUFFICIENT_BUFFER", "The answer is longer than the buffer for it"}},
    {status::kUnknownReader,
     {"SCARD_E_UNKNOWN_READER", "There is no reader of this name; list the readers and check the spelling"}},
    {status::kTimeout, {"SCARD_E_TIMEOUT", "The operation did not end in time"}},
    {status::kSharingViolation,
     {"SCARD_E_SHARING_VIOLATION",
      "Another program uses the card exclusively or holds a transaction on it; wait until it is done"}},
    {status::kNoSmartcard, {"SCARD_E_NO_SMARTCARD", "There is no card in the reader; insert one"}},
    {status::kUnknownCard, {"SCARD_E_UNKNOWN_CARD", "The card's name is not known to this system"}},
    {status::kCantDispose,
     {"SCARD_E_CANT_DISPOSE",
      "The reader cannot do what was asked with the card at the end, such as eject it"}},
    {status::kProtoMismatch,
     {"SCARD_E_PROTO_MISMATCH",
      "The card speaks none of the protocols asked for, or another one is in use; allow both T=0 and T=1"}},
    {status::kNotReady, {"SCARD_E_NOT_READY", "The reader or the card is not ready for commands; try again"}},
    {status::kInvalidValue,
     {"SCARD_E_INVALID_VALUE",
      "The reader was unplugged since the card was connected, or a parameter has a value that is not "
      "allowed"}},
    {status::kSystemCancelled,
     {"SCARD_E_SYSTEM_CANCELLED", "The system ended the operation, probably for a logoff or shutdown"}},
    {status::kCommError,
     {"SCARD_F_COMM_ERROR", "The connection to the smart card service broke; establish a new context"}},
    {status::kUnknownError,
     {"SCARD_F_UNKNOWN_ERROR",
      "An error of unknown cause happened inside the smart card service; see its log"}},
    {status::kInvalidAtr, {"SCARD_E_INVALID_ATR", "The ATR is not a valid answer to reset"}},
    {status::kNotTransacted,
     {"SCARD_E_NOT_TRANSACTED",
      "The exchange with the card failed or there was no transaction to end; see whether the card is in "
      "place"}},
    {status::kReaderUnavailable,
     {"SCARD_E_READER_UNAVAILABLE", "The reader cannot be used at present; see whether it is plugged in"}},
    {status::kShutdown, {"SCARD_P_SHUTDOWN", "The operation was ended so that the service can shut down"}},
    {status::kPciTooSmall,
     {"SCARD_E_PCI_TOO_SMALL", "The buffer for the protocol control information is too small"}},
    {status::kReaderUnsupported,
     {"SCARD_E_READER_UNSUPPORTED",
      "The reader's driver does not meet the requirements of PC/SC; look for a newer one"}},
    {status::kDuplicateReader,
     {"SCARD_E_DUPLICATE_READER", "The reader's driver did not give the reader a unique name"}},
    {status::kCardUnsupported,
     {"SCARD_E_CARD_UNSUPPORTED", "The card does not meet the requirements of PC/SC"}},
    {status::kNoService,
     {"SCARD_E_NO_SERVICE",
      "The smart card service is not running; start pcscd, or the service \"Smart Card\" (SCardSvr) on "
      "Windows"}},
    {status::kServiceStopped,
     {"SCARD_E_SERVICE_STOPPED",
      "The smart card service has stopped or, with pcsc-lite, is of another version than the library"}},
#ifdef _WIN32
    {status::kUnexpected,
     {"SCARD_E_UNEXPECTED",
      "The card, or a reader's driver, gave an unexpected answer; take the card out and try again"}},
#else
    {status::kUnexpected,
     {"SCARD_E_UNSUPPORTED_FEATURE",
      "The reader or its driver does not support this, or (SCARD_E_UNEXPECTED has the same number) the card "
      "gave an unexpected answer"}},
#endif
    {status::kIccInstallation,
     {"SCARD_E_ICC_INSTALLATION", "No primary provider is installed for this card; install its software"}},
    {status::kIccCreateOrder,
     {"SCARD_E_ICC_CREATEORDER", "The card does not allow objects to be created in this order"}},
    {status::kUnsupportedFeature,
     {"SCARD_E_UNSUPPORTED_FEATURE", "The card, the reader or this system does not support this feature"}},
    {status::kDirNotFound, {"SCARD_E_DIR_NOT_FOUND", "The card has no such directory"}},
    {status::kFileNotFound, {"SCARD_E_FILE_NOT_FOUND", "The card has no such file"}},
    {status::kNoDir, {"SCARD_E_NO_DIR", "The path on the card is not that of a directory"}},
    {status::kNoFile, {"SCARD_E_NO_FILE", "The path on the card is not that of a file"}},
    {status::kNoAccess,
     {"SCARD_E_NO_ACCESS", "The card does not allow access to this file; verify the PIN first"}},
    {status::kWriteTooMany, {"SCARD_E_WRITE_TOO_MANY", "The card has too little memory for this data"}},
    {status::kBadSeek, {"SCARD_E_BAD_SEEK", "The file pointer of the card could not be set there"}},
    {status::kInvalidChv, {"SCARD_E_INVALID_CHV", "The PIN has a form that the card does not accept"}},
    {status::kUnknownResMng,
     {"SCARD_E_UNKNOWN_RES_MNG", "The smart card service answered with an unknown code"}},
    {status::kNoSuchCertificate, {"SCARD_E_NO_SUCH_CERTIFICATE", "The card has no such certificate"}},
    {status::kCertificateUnavailable,
     {"SCARD_E_CERTIFICATE_UNAVAILABLE", "The certificate could not be read from the card"}},
    {status::kNoReadersAvailable,
     {"SCARD_E_NO_READERS_AVAILABLE",
      "There is no reader; plug one in and check that its driver is installed"}},
    {status::kCommDataLost,
     {"SCARD_E_COMM_DATA_LOST",
      "The card was taken out, or stopped answering, in the middle of the command; connect to it again"}},
    {status::kNoKeyContainer, {"SCARD_E_NO_KEY_CONTAINER", "The card has no such key container"}},
    {status::kServerTooBusy,
     {"SCARD_E_SERVER_TOO_BUSY", "The smart card service is too busy for this operation; try again later"}},
    {status::kPinCacheExpired, {"SCARD_E_PIN_CACHE_EXPIRED", "The cached PIN has expired; enter it again"}},
    {status::kNoPinCache,
     {"SCARD_E_NO_PIN_CACHE", "The card does not allow its PIN to be cached; enter it each time"}},
    {status::kReadOnlyCard, {"SCARD_E_READ_ONLY_CARD", "The card cannot be written to"}},

    {status::kUnsupportedCard,
     {"SCARD_W_UNSUPPORTED_CARD",
      "The reader cannot communicate with the card, because its ATR requires a feature the reader lacks"}},
    {status::kUnresponsiveCard,
     {"SCARD_W_UNRESPONSIVE_CARD", "The card does not answer a reset; check that it is the right way round"}},
    {status::kUnpoweredCard, {"SCARD_W_UNPOWERED_CARD", "The card has no power; reconnect with a reset"}},
    {status::kResetCard,
     {"SCARD_W_RESET_CARD",
      "Another program reset the card, so its PIN state is gone; reconnect and verify again"}},
    {status::kRemovedCard, {"SCARD_W_REMOVED_CARD", "The card was taken out; insert it and connect again"}},
    {status::kSecurityViolation,
     {"SCARD_W_SECURITY_VIOLATION", "The card refused access for its security rules; verify the PIN first"}},
    {status::kWrongChv, {"SCARD_W_WRONG_CHV", "The PIN is wrong; further wrong ones will block it"}},
    {status::kChvBlocked,
     {"SCARD_W_CHV_BLOCKED", "The PIN is blocked by wrong entries; unblock it with the PUK"}},
    {status::kEof, {"SCARD_W_EOF", "The end of the file on the card was reached"}},
    {status::kCancelledByUser, {"SCARD_W_CANCELLED_BY_USER", "The user cancelled the operation"}},
    {status::kCardNotAuthenticated, {"SCARD_W_CARD_NOT_AUTHENTICATED", "No PIN was presented to the card"}},
    {status::kCacheItemNotFound,
     {"SCARD_W_CACHE_ITEM_NOT_FOUND", "The cache has no such item; read it from the card"}},
    {status::kCacheItemStale,
     {"SCARD_W_CACHE_ITEM_STALE",
      "The cached item is older than the card's data; read it from the card again"}},
    {status::kCacheItemTooBig, {"SCARD_W_CACHE_ITEM_TOO_BIG", "The item is too big for the cache"}},

    {status::kLibraryMissing, {"BRIDGE_E_LIBRARY_MISSING", "The PC/SC library could not be loaded"}},
    {status::kClosed, {"BRIDGE_E_CLOSED", "The object was closed; open a new one"}},
    {status::kAbandoned,
     {"BRIDGE_E_ABANDONED", "A call that could not be cancelled was abandoned; connect to the card again"}},
    {status::kSessionUnknown,
     {"BRIDGE_E_SESSION_UNKNOWN",
      "The terminal session of the process could not be determined; see the detail"}},
    {status::kNotConnected, {"BRIDGE_E_NOT_CONNECTED", "There is no connection to a card; connect first"}},
    {status::kNested,
     {"BRIDGE_E_NESTED",
      "This code runs in a transaction on this card and would wait for itself; use the transaction that the "
      "callback was given"}},
};

struct SpecialText {
  Status code;
  std::string_view operation;
  const char* text;
};

// The meaning of a code for a certain function.
constexpr SpecialText kSpecialTexts[] = {
    {status::kSecurityViolation, "SCardEstablishContext",
     "The smart card service refuses this user; allow it in polkit "
     "(org.debian.pcsc-lite.access_pcsc)"},
    {status::kSecurityViolation, "SCardConnect",
     "The smart card service refuses this user access to the card; allow it in polkit "
     "(org.debian.pcsc-lite.access_card)"},
    {status::kServerTooBusy, "SCardEstablishContext",
     "The smart card service serves 200 contexts at a time and has none left; end programs that keep too "
     "many"},
    {status::kNoMemory, "thread",
     "The system has no free thread; raise the limit (ulimit -u, TasksMax of systemd)"},
    {status::kNoMemory, "event loop",
     "The system has no free thread or descriptor; raise the limits (ulimit -u and ulimit -n)"},
    {status::kNoMemory, "socket",
     "The system has no free descriptor; raise the limit (ulimit -n, LimitNOFILE of systemd)"},
    {status::kTimeout, "SCardEstablishContext",
     "The smart card service does not answer; see whether it hangs, and start it again"},
};

constexpr bool Ascending() {
  for (std::size_t i = 1; i < std::size(kRows); ++i) {
    if (kRows[i - 1].code >= kRows[i].code) return false;
  }
  return true;
}
static_assert(Ascending(), "kRows must be sorted by code, each code once");

}  // namespace

StatusText Describe(Status code, std::string_view operation) {
  const auto special =
      std::find_if(std::begin(kSpecialTexts), std::end(kSpecialTexts),
                   [&](const SpecialText& one) { return one.code == code && one.operation == operation; });
  const char* const text = special == std::end(kSpecialTexts) ? nullptr : special->text;
  const Row* row =
      std::lower_bound(std::begin(kRows), std::end(kRows), code,
                       [](const Row& candidate, Status wanted) { return candidate.code < wanted; });
  if (row != std::end(kRows) && row->code == code)
    return {row->words.name, text != nullptr ? text : row->words.text};
  return {"SCARD_UNKNOWN",
          "This status code is in no list of PC/SC; look for it in the reader driver's manual"};
}

}  // namespace pcsc_bridge
