#include "backend/library/context.h"

#include <algorithm>
#include <utility>

#include "backend/library/table_change.h"

namespace pcsc_bridge {
namespace {

// Reads a list of names, asking for its length first. It may grow between the two.
template <class Call>
Result<std::vector<std::string>> ReadMultiString(const char* operation, Call call) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    abi::Dword length = 0;
    Status code = abi::ToStatus(call(nullptr, &length));
    std::vector<abi::Char> text(length);
    if (code == status::kSuccess) code = abi::ToStatus(call(text.data(), &length));
    if (code == status::kNoReadersAvailable) return std::vector<std::string>();
    if (code == status::kInsufficientBuffer) continue;
    if (code != status::kSuccess) return Error{code, operation, "", ""};
    return SplitMultiString(text.data(), std::min<std::size_t>(length, text.size()));
  }
  return Error{status::kInsufficientBuffer, operation, "", "the list kept changing"};
}

}  // namespace

Result<Context> Context::Establish(const Library& library) {
  abi::ContextHandle handle{};
  const TableChange alone(library);
  const Status code = abi::ToStatus(library.establish_context(abi::kScopeSystem, nullptr, nullptr, &handle));
  if (code != status::kSuccess) return Error{code, "SCardEstablishContext", "", ""};
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
  return ReadMultiString("SCardListReaders", [&](abi::Char* text, abi::Dword* length) {
    return library_->list_readers(handle_, wanted, text, length);
  });
}

Result<std::vector<std::string>> Context::ListReaderGroups() const {
  if (library_->list_reader_groups == nullptr) return std::vector<std::string>();
  return ReadMultiString("SCardListReaderGroups", [&](abi::Char* text, abi::Dword* length) {
    return library_->list_reader_groups(handle_, text, length);
  });
}

Result<Done> Context::GetStatusChange(std::vector<ReaderStatus>& readers,
                                      std::optional<std::chrono::milliseconds> timeout) const {
  std::vector<platform::NativeString> names;
  names.reserve(readers.size());
  std::vector<abi::ReaderState> states;
  states.reserve(readers.size());
  for (const ReaderStatus& reader : readers) {
    names.push_back(platform::ToNative(reader.reader));
    abi::ReaderState state{};
    state.reader = names.back().c_str();
    state.current_state = reader.state | (static_cast<abi::Dword>(reader.event_count) << 16);
    states.push_back(state);
  }
  const abi::Dword wait = timeout ? static_cast<abi::Dword>(timeout->count()) : abi::kInfinite;
  const Status code = abi::ToStatus(
      library_->get_status_change(handle_, wait, states.data(), static_cast<abi::Dword>(states.size())));
  if (code != status::kSuccess) return Error{code, "SCardGetStatusChange", "", ""};
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

bool Context::IsValid() const {
  if (abi::ToStatus(library_->is_valid_context(handle_)) != status::kSuccess) return false;
  // pcsc-lite has looked into tables of its own, where a context outlives its daemon (1.9.9).
  abi::Dword length = 0;
  const Status code = abi::ToStatus(library_->list_readers(handle_, nullptr, nullptr, &length));
  return code == status::kSuccess || code == status::kNoReadersAvailable;
}

}  // namespace pcsc_bridge
