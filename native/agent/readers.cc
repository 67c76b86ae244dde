#include "agent/readers.h"

#include <chrono>

#include "agent/hex.h"
#include "backend/library/context.h"

namespace pcsc_bridge::agent {
namespace {

struct Word {
  std::uint32_t bit;
  const char* word;
};

constexpr Word kWords[] = {
    {reader_state::kUnknown, "unknown"},     {reader_state::kUnavailable, "unavailable"},
    {reader_state::kEmpty, "empty"},         {reader_state::kPresent, "present"},
    {reader_state::kExclusive, "exclusive"}, {reader_state::kInUse, "in-use"},
    {reader_state::kMute, "mute"},           {reader_state::kUnpowered, "unpowered"},
};

}  // namespace

Result<std::vector<ReaderStatus>> LookAtReaders(const Library& library) {
  const Result<Context> context = Context::Establish(library);
  if (!context) return context.error();
  const Result<std::vector<std::string>> names = context.value().ListReaders();
  if (!names) return names.error();
  std::vector<ReaderStatus> readers;
  for (const std::string& name : names.value()) readers.emplace_back().reader = name;
  if (readers.empty()) return readers;
  const Result<Done> seen = context.value().GetStatusChange(readers, std::chrono::milliseconds(0));
  if (!seen && seen.code() != status::kTimeout) return seen.error();
  return readers;
}

Json ToJson(const ReaderStatus& reader) {
  Json state = Json::array();
  for (const Word& word : kWords) {
    if ((reader.state & word.bit) != 0) state.push_back(word.word);
  }
  Json body;
  body["name"] = reader.reader;
  body["state"] = std::move(state);
  body["atr"] = reader.atr.empty() ? Json() : Json(ToHex(reader.atr));
  return body;
}

}  // namespace pcsc_bridge::agent
