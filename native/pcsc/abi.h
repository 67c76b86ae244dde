// The binary interface of the PC/SC libraries, declared here so that building needs no -dev package.
// Compared with the system's own headers by test/native/abi_test.cc where these are present.
//
// Widths: LONG and DWORD have 8 bytes on 64-bit Linux, 4 on macOS and Windows. SCARD_READERSTATE is packed
// on macOS. Its rgbAtr has 33 bytes (MAX_ATR_SIZE), 36 on Windows. Reader names are UTF-8, UTF-16 on Windows.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(_WIN32)
#define PCSC_BRIDGE_CALL __stdcall
#else
#define PCSC_BRIDGE_CALL
#endif

namespace pcsc_bridge::abi {

#if defined(_WIN32)
using Long = long;
using Dword = unsigned long;
using Char = wchar_t;
using ContextHandle = std::uintptr_t;
using CardHandle = std::uintptr_t;
inline constexpr std::size_t kReaderStateAtrSize = 36;
inline constexpr Dword kProtocolRaw = 0x10000;
inline constexpr Dword ControlCode(Dword code) {
  return (0x31u << 16) | (code << 2);
}
inline constexpr bool kProbeBeforeBegin = false;
inline constexpr bool kUnguardedTables = false;
inline constexpr bool kStatusIsMask = false;
inline constexpr bool kServiceStopsWithoutReaders = true;
inline constexpr bool kReportsReaders = true;
#elif defined(__APPLE__)
using Long = std::int32_t;
using Dword = std::uint32_t;
using Char = char;
using ContextHandle = std::int32_t;
using CardHandle = std::int32_t;
inline constexpr std::size_t kReaderStateAtrSize = 33;
inline constexpr Dword kProtocolRaw = 4;
inline constexpr Dword ControlCode(Dword code) {
  return 0x42000000u + code;
}
inline constexpr bool kProbeBeforeBegin = false;
inline constexpr bool kUnguardedTables = false;
inline constexpr bool kStatusIsMask = true;
inline constexpr bool kServiceStopsWithoutReaders = false;
inline constexpr bool kReportsReaders = false;
#else
using Long = long;
using Dword = unsigned long;
using Char = char;
using ContextHandle = long;
using CardHandle = long;
inline constexpr std::size_t kReaderStateAtrSize = 33;
inline constexpr Dword kProtocolRaw = 4;
inline constexpr Dword ControlCode(Dword code) {
  return 0x42000000u + code;
}
inline constexpr bool kProbeBeforeBegin = true;
inline constexpr bool kUnguardedTables = true;
inline constexpr bool kStatusIsMask = true;
inline constexpr bool kServiceStopsWithoutReaders = false;
inline constexpr bool kReportsReaders = true;
#endif

#if defined(__APPLE__)
#pragma pack(push, 1)
#endif
struct ReaderState {
  const Char* reader;
  void* user_data;
  Dword current_state;
  Dword event_state;
  Dword atr_length;
  unsigned char atr[kReaderStateAtrSize];
};
#if defined(__APPLE__)
#pragma pack(pop)
#endif

struct IoRequest {
  Dword protocol;
  Dword length;  // sizeof(IoRequest)
};

// The codes of PC/SC are 32 bits, whatever LONG is.
inline constexpr std::uint32_t ToStatus(Long code) {
  return static_cast<std::uint32_t>(code);
}

inline constexpr Dword kInfinite = 0xffffffff;
inline constexpr Dword kScopeSystem = 2;
inline constexpr Dword kProtocolT0 = 1;
inline constexpr Dword kProtocolT1 = 2;
inline constexpr Dword kAttributeVendorName = 0x00010100;  // SCARD_ATTR_VENDOR_NAME
inline constexpr std::size_t kMaxAtr = 36;
inline constexpr std::size_t kMaxExtendedBuffer = 4 + 3 + 65536 + 3 + 2;  // MAX_BUFFER_SIZE_EXTENDED
// The buffer size for SCardTransmit and SCardControl. Windows 7 refuses a control with more than 65,544
// bytes (ERROR_INVALID_FUNCTION), and some drivers truncate responses if the buffer exceeds 65,535.
#if defined(_WIN32)
inline constexpr std::size_t kOutputBuffer = 65535;
#else
inline constexpr std::size_t kOutputBuffer = kMaxExtendedBuffer;
#endif

// The functions we use, under the field's names; on Windows the W variants.
using EstablishContext = Long(PCSC_BRIDGE_CALL*)(Dword scope, const void*, const void*, ContextHandle*);
using ReleaseContext = Long(PCSC_BRIDGE_CALL*)(ContextHandle);
using IsValidContext = Long(PCSC_BRIDGE_CALL*)(ContextHandle);
using ListReaders = Long(PCSC_BRIDGE_CALL*)(ContextHandle, const Char* groups, Char* readers, Dword* length);
using ListReaderGroups = Long(PCSC_BRIDGE_CALL*)(ContextHandle, Char* groups, Dword* length);
using GetStatusChange = Long(PCSC_BRIDGE_CALL*)(ContextHandle, Dword timeout_ms, ReaderState*, Dword count);
using Cancel = Long(PCSC_BRIDGE_CALL*)(ContextHandle);
using Connect = Long(PCSC_BRIDGE_CALL*)(ContextHandle, const Char* reader, Dword share_mode, Dword protocols,
                                        CardHandle*, Dword* active_protocol);
using Reconnect = Long(PCSC_BRIDGE_CALL*)(CardHandle, Dword share_mode, Dword protocols, Dword initialization,
                                          Dword* active_protocol);
using Disconnect = Long(PCSC_BRIDGE_CALL*)(CardHandle, Dword disposition);
using BeginTransaction = Long(PCSC_BRIDGE_CALL*)(CardHandle);
using EndTransaction = Long(PCSC_BRIDGE_CALL*)(CardHandle, Dword disposition);
using CardStatus = Long(PCSC_BRIDGE_CALL*)(CardHandle, Char* reader, Dword* reader_length, Dword* state,
                                           Dword* protocol, unsigned char* atr, Dword* atr_length);
using Transmit = Long(PCSC_BRIDGE_CALL*)(CardHandle, const IoRequest* send_pci, const unsigned char* send,
                                         Dword send_length, IoRequest* receive_pci, unsigned char* receive,
                                         Dword* receive_length);
using Control = Long(PCSC_BRIDGE_CALL*)(CardHandle, Dword code, const void* send, Dword send_length,
                                        void* receive, Dword receive_size, Dword* returned);
using GetAttrib = Long(PCSC_BRIDGE_CALL*)(CardHandle, Dword id, unsigned char* value, Dword* length);
using SetAttrib = Long(PCSC_BRIDGE_CALL*)(CardHandle, Dword id, const unsigned char* value, Dword length);
// Windows only; the card identifier is a UUID.
using ReadCache = Long(PCSC_BRIDGE_CALL*)(ContextHandle, void* card_identifier, Dword freshness, Char* name,
                                          unsigned char* data, Dword* length);
using WriteCache = Long(PCSC_BRIDGE_CALL*)(ContextHandle, void* card_identifier, Dword freshness, Char* name,
                                           unsigned char* data, Dword length);

}  // namespace pcsc_bridge::abi
