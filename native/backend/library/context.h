// A PC/SC context (SCardEstablishContext), released when it goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/library/library.h"
#include "backend/usage.h"
#include "pcsc/result.h"
#include "pcsc/types.h"

namespace pcsc_bridge {

// Move-only. One thread at a time, but for Cancel: on pcsc-lite a second thread inside any other call on the
// same context would take the whole process's PC/SC with it.
class Context {
 public:
  static Result<Context> Establish(const Library& library);

  // SCardListReaders: those of any of the groups, of all if none is given. No reader at all is an empty list,
  // not an error; so is a service that stops with the last reader (Library::service_stops_without_readers).
  Result<std::vector<std::string>> ListReaders(const std::vector<std::string>& groups = {}) const;

  // SCardListReaderGroups; an empty list where the library knows no groups.
  Result<std::vector<std::string>> ListReaderGroups() const;

  // SCardGetStatusChange: waits until a reader differs from what `readers` says of it (state and event
  // count), then updates them. Nothing for `timeout` waits without limit.
  //
  // `counter`, if not null, also waits for readers that come and go: it is what the library last said of them
  // (0 at the beginning), handed back as it was returned. It means the number of readers on Windows and the
  // number of events on pcsc-lite since 2.3.0; where it is 0, pcsc-lite compares nothing.
  Result<Done> GetStatusChange(std::vector<ReaderStatus>& readers,
                               std::optional<std::chrono::milliseconds> timeout,
                               std::uint32_t* counter = nullptr) const;

  // SCardCancel: ends a GetStatusChange under way in another thread. One that comes just before the wait
  // starts is lost: repeat it until the wait has ended.
  void Cancel() const { library_->cancel(handle()); }

  abi::ContextHandle handle() const { return library_.get_deleter().handle; }

 private:
  struct Release {
    abi::ContextHandle handle{};
    backend::ContextInUse counted;
    void operator()(const Library* library) const;
  };

  Context(const Library& library, abi::ContextHandle handle)
      : library_(&library, Release{handle, backend::ContextInUse::Count()}) {}

  std::unique_ptr<const Library, Release> library_;  // what goes with it is the context, not the library
};

}  // namespace pcsc_bridge
