// The PC/SC library, loaded at run time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pcsc/abi.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

// The function table of one loaded PC/SC library. Immutable once loaded and never unloaded: abandoned
// threads may still be inside it when everything else is gone. Thread safe.
struct Library {
  std::string path;  // what was loaded, for people

  // The same service without the library (pcsc-lite): what is used where its daemon agrees to it. Null
  // elsewhere, and where PCSC_BRIDGE_LIBRARY names the library: that one is wanted then.
  const Library* daemon = nullptr;

  // SCardBeginTransaction and others poll with 100 ms sleeps here (pcsc-lite), while SCardGetAttrib answers
  // SCARD_E_SHARING_VIOLATION at once while another handle holds a transaction: ask that first.
  bool probe_before_begin = false;
  // Any other call on a card that another handle has in a transaction answers SCARD_E_SHARING_VIOLATION at
  // once, where libraries wait.
  bool answers_when_held = false;
  // Threads that make and end contexts and handles at the same time crash the process (pcsc-lite):
  // TableChange.
  bool unguarded_tables = false;
  // SCardStatus answers a bit mask (pcsc-lite), not an enumeration (Windows).
  bool status_is_mask = false;

  abi::EstablishContext establish_context = nullptr;
  abi::ReleaseContext release_context = nullptr;
  abi::IsValidContext is_valid_context = nullptr;
  abi::ListReaders list_readers = nullptr;
  abi::GetStatusChange get_status_change = nullptr;
  abi::Cancel cancel = nullptr;
  abi::Connect connect = nullptr;
  abi::Reconnect reconnect = nullptr;
  abi::Disconnect disconnect = nullptr;
  abi::BeginTransaction begin_transaction = nullptr;
  abi::EndTransaction end_transaction = nullptr;
  abi::CardStatus status = nullptr;
  abi::Transmit transmit = nullptr;
  abi::Control control = nullptr;
  abi::GetAttrib get_attrib = nullptr;
  abi::SetAttrib set_attrib = nullptr;
  // SCardTransmit in two halves, without a library; null elsewhere. Sends a command: kServerTooBusy, and
  // nothing sent, where that would have to wait and must not.
  Status (*send_transmit)(abi::CardHandle, abi::Dword protocol, const Bytes& apdu, bool may_wait) = nullptr;
  // Its status, and the response; nothing while there is more to come, which the descriptor is readable for:
  // a copy, the caller closes it.
  std::optional<Status> (*receive_transmit)(abi::CardHandle, Bytes& response, bool may_wait) = nullptr;
  int (*descriptor)(abi::CardHandle) = nullptr;
  // Whether another handle has a transaction on the card; null where SCardGetAttrib has to tell.
  bool (*held_by_other)(abi::CardHandle) = nullptr;

  // Null where the library has none.
  abi::ListReaderGroups list_reader_groups = nullptr;
  abi::ReadCache read_cache = nullptr;
  abi::WriteCache write_cache = nullptr;

  // The process's library: the platform's own, or the one named by PCSC_BRIDGE_LIBRARY. Loaded at the first
  // call that succeeds; a failure (kLibraryMissing, the loader's words in `detail`) is tried anew next time.
  static Result<const Library*> Load();
};

// What a platform has to provide: library_posix.cc, library_windows.cc.
namespace platform {

struct LoadedLibrary {
  void* handle = nullptr;  // never closed
  std::string path;
  bool configured = false;  // by PCSC_BRIDGE_LIBRARY
};

Result<LoadedLibrary> OpenPcscLibrary();
// The address of a function, or null. `name` is the field's name; on Windows the W variant is looked up
// first.
void* FindFunction(const LoadedLibrary& library, const char* name);

// The platform's service without its library; null where there is no such thing.
const Library* DaemonLibrary();

// Reader names between UTF-8 and the library's characters.
using NativeString = std::basic_string<abi::Char>;
NativeString ToNative(std::string_view utf8);
std::string FromNative(const abi::Char* text, std::size_t length);

}  // namespace platform

// Splits a multi-string (names each ended by a zero, the list by another) into UTF-8 names.
std::vector<std::string> SplitMultiString(const abi::Char* text, std::size_t length);
platform::NativeString JoinMultiString(const std::vector<std::string>& names);

}  // namespace pcsc_bridge
