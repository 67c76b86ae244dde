#include "backend/library/context.h"

#include <algorithm>

#include "backend/library/table_change.h"

namespace pcsc_bridge {
namespace {

// Reads a list of names, asking for its length first. It may grow between the two. `is_empty` says which
// codes mean that there are none.
template <class Call, class IsEmpty>
Result<std::vector<std::string>> ReadMultiString(const char* operation, Call call, IsEmpty is_empty) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    abi::Dword length = 0;
    abi::Long code = call(nullptr, &length);
    std::vector<abi::Char> text(length);
    if (abi::ToStatus(code) == status::kSuccess) code = call(text.data(), &length);
    const Result<Done> read = Checked(code, operation);
    if (is_empty(read.code())) return std::vector<std::string>();
    if (read.code() == status::kInsufficientBuffer) continue;
    if (!read) return read.error();
    return SplitMultiString(text.data(), std::min<std::size_t>(length, text.size()));
  }
  return Error{status::kInsufficientBuffer, operation, "", "the list kept changing"};
}

}  // namespace

Result<Context> Context::Establish(const Library& library) {
  abi::ContextHandle handle{};
  const TableChange alone(library);
  const Result<Done> established = Checked(
      library.establish_context(abi::kScopeSystem, nullptr, nullptr, &handle), "SCardEstablishContext");
  if (!established) return established.error();
  return Context(library, handle);
}

void Context::Release::operator()(const Library* library) const {
  const TableChange alone(*library);
  library->release_context(handle);
}

Result<std::vector<std::string>> Context::ListReaders(const std::vector<std::string>& groups) const {
  const platform::NativeString joined = JoinMultiString(groups);
  const abi::Char* wanted = groups.empty() ? nullptr : joined.c_str();
  return ReadMultiString(
      "SCardListReaders",
      [&](abi::Char* text, abi::Dword* length) {
        return library_->list_readers(handle(), wanted, text, length);
      },
      [&](Status code) { return MeansNoReaders(*library_, code); });
}

Result<std::vector<std::string>> Context::ListReaderGroups() const {
  if (library_->list_reader_groups == nullptr) return std::vector<std::string>();
  return ReadMultiString(
      "SCardListReaderGroups",
      [&](abi::Char* text, abi::Dword* length) {
        return library_->list_reader_groups(handle(), text, length);
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
  const Result<Done> changed = Checked(
      library_->get_status_change(handle(), wait, states.data(), static_cast<abi::Dword>(states.size())),
      "SCardGetStatusChange");
  if (counter != nullptr) {
    // After a wait that ran into its time, only pcsc-lite says what the counter is.
    const std::uint32_t returned = (static_cast<std::uint32_t>(states.back().event_state) >> 16) & 0xffff;
    if (changed || (changed.code() == status::kTimeout && returned != 0)) *counter = returned;
  }
  if (!changed) return changed;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const abi::ReaderState& state = states[i];
    const std::size_t atr_length = std::min<std::size_t>(state.atr_length, abi::kReaderStateAtrSize);
    readers[i].state = static_cast<std::uint32_t>(state.event_state) & 0xffff & ~reader_state::kChanged;
    readers[i].event_count = (static_cast<std::uint32_t>(state.event_state) >> 16) & 0xffff;
    readers[i].atr.assign(state.atr, state.atr + atr_length);
  }
  return changed;
}

}  // namespace pcsc_bridge
