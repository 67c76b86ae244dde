#include "backend/library/library.h"

#include <memory>
#include <mutex>

#include "backend/environment_variables.h"

namespace pcsc_bridge {
namespace {

template <class Function>
void BindOptional(const platform::LoadedLibrary& loaded, const char* name, Function& slot) {
  slot = reinterpret_cast<Function>(platform::FindFunction(loaded, name));
}

template <class Function>
void Bind(const platform::LoadedLibrary& loaded, const char* name, Function& slot, std::string& missing) {
  BindOptional(loaded, name, slot);
  if (slot == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(name);
}

Result<std::unique_ptr<Library>> LoadTable() {
  Result<platform::LoadedLibrary> loaded = platform::OpenPcscLibrary(ReadEnvironmentVariables().library);
  if (!loaded) return loaded.error();

  auto table = std::make_unique<Library>();
  table->path = loaded->path;
  table->probe_before_begin = abi::kProbeBeforeBegin;
  table->unguarded_tables = abi::kUnguardedTables;
  table->status_is_mask = abi::kStatusIsMask;
  table->service_stops_without_readers = abi::kServiceStopsWithoutReaders;
  table->reports_readers = abi::kReportsReaders;

  std::string missing;
  Bind(*loaded, "SCardEstablishContext", table->establish_context, missing);
  Bind(*loaded, "SCardReleaseContext", table->release_context, missing);
  Bind(*loaded, "SCardIsValidContext", table->is_valid_context, missing);
  Bind(*loaded, "SCardListReaders", table->list_readers, missing);
  Bind(*loaded, "SCardGetStatusChange", table->get_status_change, missing);
  Bind(*loaded, "SCardCancel", table->cancel, missing);
  Bind(*loaded, "SCardConnect", table->connect, missing);
  Bind(*loaded, "SCardReconnect", table->reconnect, missing);
  Bind(*loaded, "SCardDisconnect", table->disconnect, missing);
  Bind(*loaded, "SCardBeginTransaction", table->begin_transaction, missing);
  Bind(*loaded, "SCardEndTransaction", table->end_transaction, missing);
  Bind(*loaded, "SCardStatus", table->status, missing);
  Bind(*loaded, "SCardTransmit", table->transmit, missing);
  Bind(*loaded, "SCardControl", table->control, missing);
  Bind(*loaded, "SCardGetAttrib", table->get_attrib, missing);
  Bind(*loaded, "SCardSetAttrib", table->set_attrib, missing);
  BindOptional(*loaded, "SCardListReaderGroups", table->list_reader_groups);
  BindOptional(*loaded, "SCardReadCache", table->read_cache);
  BindOptional(*loaded, "SCardWriteCache", table->write_cache);
  if (!missing.empty()) {
    return Error{
        status::kLibraryMissing, "load", "",
        loaded->path + " is not a PC/SC library: it lacks " + missing + "; check PCSC_BRIDGE_LIBRARY"};
  }
  return table;
}

}  // namespace

Result<const Library*> Library::Load() {
  static std::mutex mutex;
  static const Library* loaded = nullptr;  // never freed, see the contract
  const std::lock_guard<std::mutex> lock(mutex);
  if (loaded == nullptr) {
    Result<std::unique_ptr<Library>> table = LoadTable();
    if (!table) return table.error();
    loaded = table->release();
  }
  return loaded;
}

Result<Done> Checked(abi::Long code, const char* operation, const std::string& reader) {
  switch (const Status status = abi::ToStatus(code)) {
    case status::kSuccess:
      return Done{};
    case status::kWindowsNoMedia:
      return Error{status::kRemovedCard, operation, reader, "Windows error 0x458 (ERROR_NO_MEDIA_IN_DRIVE)"};
    case status::kWindowsIoDevice:
      return Error{status::kRemovedCard, operation, reader, "Windows error 0x45D (ERROR_IO_DEVICE)"};
    default:
      return Error{status, operation, reader, ""};
  }
}

bool MeansNoReaders(const Library& library, Status code) {
  if (code == status::kNoReadersAvailable || code == status::kWindowsBadStubData) return true;
  return library.service_stops_without_readers &&
         (code == status::kNoService || code == status::kServiceStopped);
}

std::vector<std::string> SplitMultiString(const abi::Char* text, std::size_t length) {
  std::vector<std::string> names;
  std::size_t start = 0;
  for (std::size_t i = 0; i < length; ++i) {
    if (text[i] != 0) continue;
    if (i == start) break;  // the empty name that ends the list
    names.push_back(platform::FromNative(text + start, i - start));
    start = i + 1;
  }
  return names;
}

platform::NativeString JoinMultiString(const std::vector<std::string>& names) {
  platform::NativeString text;
  for (const std::string& name : names) {
    text += platform::ToNative(name);
    text += abi::Char{};
  }
  text += abi::Char{};
  return text;
}

}  // namespace pcsc_bridge
