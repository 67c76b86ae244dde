// The PC/SC library, loaded at run time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pcsc/abi.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

// The function table of one loaded PC/SC library. Immutable once loaded and never unloaded: abandoned
// threads may still be inside it at the end of the process. Thread safe.
struct Library {
  std::string path;  // what was loaded, for people

  // SCardBeginTransaction and others poll with 100 ms sleeps (pcsc-lite), while SCardGetAttrib returns
  // SCARD_E_SHARING_VIOLATION at once if another handle holds a transaction: call that first.
  bool probe_before_begin = false;
  // Threads that make and end contexts and handles at the same time crash the process (pcsc-lite):
  // TableChange.
  bool unguarded_tables = false;
  // SCardStatus answers a bit mask (pcsc-lite), not an enumeration (Windows).
  bool status_is_mask = false;
  // The service stops with the last reader (Windows 8 and later): a stopped service means that there is no
  // reader.
  bool service_stops_without_readers = false;
  // SCardGetStatusChange reports added and removed readers (kPnpNotification); it does not on macOS.
  bool reports_readers = false;

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

  // Null if the library lacks it.
  abi::ListReaderGroups list_reader_groups = nullptr;
  abi::ReadCache read_cache = nullptr;
  abi::WriteCache write_cache = nullptr;

  // The process's library: the platform's own, or the one named by PCSC_BRIDGE_LIBRARY. Loaded at the first
  // call that succeeds; a failure (kLibraryMissing, the loader's words in `detail`) is tried anew next time.
  static Result<const Library*> Load();
};

// Implemented per platform: library_posix.cc, library_windows.cc.
namespace platform {

struct LoadedLibrary {
  void* handle = nullptr;  // never closed
  std::string path;
};

// The library at this path (UTF-8); the platform's own if it is empty.
Result<LoadedLibrary> OpenPcscLibrary(const std::string& configured);
// The address of a function, or null. `name` is the field's name; on Windows the W variant is looked up
// first.
void* FindFunction(const LoadedLibrary& library, const char* name);

// The environment variable's value in UTF-8; empty if it is not set.
std::string ReadVariable(const char* name);

// Reader names between UTF-8 and the library's characters.
using NativeString = std::basic_string<abi::Char>;
NativeString ToNative(std::string_view utf8);
std::string FromNative(const abi::Char* text, std::size_t length);

}  // namespace platform

// Success, or the error of a call that returned this code. Some codes of Windows, which its service and
// drivers pass on, become the PC/SC code with the same meaning; `detail` keeps the number.
Result<Done> Checked(abi::Long code, const char* operation, const std::string& reader = "");

// Whether a call that asks for the readers says with this code that there are none.
bool MeansNoReaders(const Library& library, Status code);

// Splits a multi-string (names each ended by a zero, the list by another) into UTF-8 names.
std::vector<std::string> SplitMultiString(const abi::Char* text, std::size_t length);
platform::NativeString JoinMultiString(const std::vector<std::string>& names);

}  // namespace pcsc_bridge
