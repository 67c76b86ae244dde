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

// Move-only. One thread at a time, except for Cancel: with pcsc-lite a second thread inside any other call
// on the same context would break PC/SC for the whole process.
class Context {
 public:
  static Result<Context> Establish(const Library& library);

  // SCardListReaders: the readers in any of the groups, or all readers if there is no group. Returns an
  // empty list, not an error, if there is no reader, or if the service has stopped with the last reader
  // (Library::service_stops_without_readers).
  Result<std::vector<std::string>> ListReaders(const std::vector<std::string>& groups = {}) const;

  // SCardListReaderGroups. Returns an empty list if the library has no groups.
  Result<std::vector<std::string>> ListReaderGroups() const;

  // SCardGetStatusChange: waits until a reader differs from its state in `readers` (state and event count),
  // then updates them. Without a `timeout` it waits without limit.
  //
  // `counter`, if not null, also waits for readers that are added or removed. It is the last value from the
  // library (0 at the beginning), passed back unchanged. It is the number of readers on Windows and the
  // number of events on pcsc-lite since 2.3.0; if it is 0, pcsc-lite compares nothing.
  Result<Done> GetStatusChange(std::vector<ReaderStatus>& readers,
                               std::optional<std::chrono::milliseconds> timeout,
                               std::uint32_t* counter = nullptr) const;

  // SCardCancel: ends a GetStatusChange in another thread. A cancel just before the wait starts is lost:
  // repeat it until the wait has ended.
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
