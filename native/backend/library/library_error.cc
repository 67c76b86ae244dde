#include "backend/library/library_error.h"

#include <algorithm>
#include <iterator>

namespace pcsc_bridge {
namespace {

struct SameMeaning {
  Status windows;
  Status pcsc;
  const char* detail;
};

constexpr SameMeaning kSameMeanings[] = {
    {status::kWindowsNoMedia, status::kRemovedCard, "Windows error 0x458 (ERROR_NO_MEDIA_IN_DRIVE)"},
    {status::kWindowsIoDevice, status::kRemovedCard, "Windows error 0x45D (ERROR_IO_DEVICE)"},
};

}  // namespace

Error LibraryError(Status code, const char* operation, const std::string& reader) {
  const auto found = std::find_if(std::begin(kSameMeanings), std::end(kSameMeanings),
                                  [&](const SameMeaning& each) { return each.windows == code; });
  if (found == std::end(kSameMeanings)) return Error{code, operation, reader, ""};
  return Error{found->pcsc, operation, reader, found->detail};
}

bool MeansNoReaders(const Library& library, Status code) {
  if (code == status::kNoReadersAvailable || code == status::kWindowsBadStubData) return true;
  return library.service_stops_without_readers &&
         (code == status::kNoService || code == status::kServiceStopped);
}

}  // namespace pcsc_bridge
