#include "backend/library/context.h"

#include <algorithm>
#include <utility>

#include "backend/library/library_error.h"
#include "backend/library/table_change.h"

namespace pcsc_bridge {
namespace {

// Reads a list of names, asking for its length first. It may grow between the two. `is_empty` says which
// codes mean that there are none.
template <class Call, class IsEmpty>
Result<std::vector<std::string>> ReadMultiString(const char* operation, Call call, IsEmpty is_empty) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    abi::Dword length = 0;
    Status code = abi::ToStatus(call(nullptr, &length));
    std::vector<abi::Char> text(length);
    if (code == status::kSuccess) code = abi::ToStatus(call(text.data(), &length));
    if (is_empty(code)) return std::vector<std::string>();
    if (code == status::kInsufficientBuffer) continue;
    if (code != status::kSuccess) return LibraryError(code, operation);
    return SplitMultiString(text.data(), std::min<std::size_t>(length, text.size()));
  }
  return Error{status::kInsufficientBuffer, operation, "", "the list kept changing"};
}

}  // namespace

Result<Context> Context::Establish(const Library& library) {
  abi::ContextHandle handle{};
  const TableChange alone(library);
  const Status code = abi::ToStatus(library.establish_context(abi::kScopeSystem, nullptr, nullptr, &handle));
  if (code != status::kSuccess) return LibraryError(code, "SCardEstablishContext");
  return Context(library, handle);
}

Context::Context(Context&& other) noexcept
    : library_(std::exchange(other.library_, nullptr)), handle_(other.handle_) {}

Context& Context::operator=(Context&& other) noexcept {
  if (this != &other) {
    Release();
    library_ = std::exchange(other.library_, nullptr);
    handle_ = other.handle_;
  }
  return *this;
}

Context::~Context() {
  Release();
}

void Context::Release() {
  if (library_ == nullptr) return;
  const TableChange alone(*library_);
  library_->release_context(handle_);
  library_ = nullptr;
}

Result<std::vector<std::string>> Context::ListReaders(const std::vector<std::string>& groups) const {
  const platform::NativeString joined = JoinMultiString(groups);
  const abi::Char* wanted = groups.empty() ? nullptr : joined.c_str();
  return ReadMultiString(
      "SCardListReaders",
      [&](abi::Char* text, abi::Dword* length) {
        return library_->list_readers(handle_, wanted, text, length);
      },
      [&](Status code) { return MeansNoReaders(*library_, code); });
}

Result<std::vector<std::string>> Context::ListReaderGroups() const {
  if (library_->list_reader_groups == nullptr) return std::vector<std::string>();
  return ReadMultiString(
      "SCardListReaderGroups",
      [&](abi::Char* text, abi::Dword* length) {
        return library_->list_reader_groups(handle_, text, length);
      },
      [](Status code) { return code == status::kNoReadersAvailable; });
}

Result<Done> Context::GetStatusChange(std::vector<ReaderStatus>& readers,
                                      std::optional<std::chrono::milliseconds> timeout,
                                      std::uint32_t* counter) const {
  std::vector<platform::NativeString> names;
  names.reserve(readers.size() + 1);
  std::vector<abi::ReaderState> states;
  states.reserve(readers.size() + 1);
  const auto add = [&](const char* name, std::uint32_t state, std::uint32_t event_count) {
    names.push_back(platform::ToNative(name));
    abi::ReaderState& added = states.emplace_back();
    added.reader = names.back().c_str();
    added.current_state = state | (static_cast<abi::Dword>(event_count) << 16);
  };
  for (const ReaderStatus& reader : readers) add(reader.reader.c_str(), reader.state, reader.event_count);
  if (counter != nullptr) add(kPnpNotification, 0, *counter);

  const abi::Dword wait = timeout ? static_cast<abi::Dword>(timeout->count()) : abi::kInfinite;
  const Status code = abi::ToStatus(
      library_->get_status_change(handle_, wait, states.data(), static_cast<abi::Dword>(states.size())));
  if (counter != nullptr) {
    // After a wait that ran into its time, only pcsc-lite says what the counter is.
    const std::uint32_t returned = (static_cast<std::uint32_t>(states.back().event_state) >> 16) & 0xffff;
    if (code == status::kSuccess || (code == status::kTimeout && returned != 0)) *counter = returned;
  }
  if (code != status::kSuccess) return LibraryError(code, "SCardGetStatusChange");
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const abi::ReaderState& state = states[i];
    const std::size_t atr_length = std::min<std::size_t>(state.atr_length, abi::kReaderStateAtrSize);
    readers[i].state = static_cast<std::uint32_t>(state.event_state) & 0xffff & ~reader_state::kChanged;
    readers[i].event_count = (static_cast<std::uint32_t>(state.event_state) >> 16) & 0xffff;
    readers[i].atr.assign(state.atr, state.atr + atr_length);
  }
  return Done{};
}

void Context::Cancel() const {
  library_->cancel(handle_);
}

Result<Done> Context::Check() const {
  const Status valid = abi::ToStatus(library_->is_valid_context(handle_));
  if (valid != status::kSuccess) return LibraryError(valid, "SCardIsValidContext");
  // pcsc-lite has looked into tables of its own, where a context outlives its daemon (1.9.9).
  abi::Dword length = 0;
  const Status code = abi::ToStatus(library_->list_readers(handle_, nullptr, nullptr, &length));
  if (code == status::kSuccess || code == status::kNoReadersAvailable ||
      code == status::kWindowsBadStubData) {
    return Done{};
  }
  return LibraryError(code, "SCardListReaders");
}

}  // namespace pcsc_bridge
