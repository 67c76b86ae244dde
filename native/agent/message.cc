#include "agent/message.h"

#include <cstdio>
#include <set>
#include <utility>
#include <vector>

#include "agent/hex.h"
#include "pcsc/printable.h"

namespace pcsc_bridge::agent {
namespace {

// No message of the protocol is as deep, or has as many members. Ordered objects are slow with very many
// members.
constexpr int kDeepest = 8;
constexpr int kMostMembers = 64;

// Checks a line during parsing, for errors that the parser accepts.
class Inspector {
 public:
  // False: the parser leaves it out.
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (depth > kDeepest) too_deep_ = true;
    if (event == Event::object_start) names_.emplace_back();
    if (event == Event::object_end && !names_.empty()) names_.pop_back();
    if (event == Event::key && !names_.empty()) {
      if (++members_ > kMostMembers) too_many_ = true;
      if (!too_many_ && !names_.back().insert(parsed.get_ref<const std::string&>()).second) twice_ = true;
    }
    return !too_deep_ && !too_many_;
  }

  void Check() const {
    if (too_deep_) throw Refusal(kMalformed, "The line is nested too deeply for a request");
    if (too_many_) throw Refusal(kMalformed, "The line has too many members for a request");
    if (twice_) throw Refusal(kMalformed, "The line has the same member twice");
  }

 private:
  std::vector<std::set<std::string>> names_;
  int members_ = 0;
  bool too_deep_ = false;
  bool too_many_ = false;
  bool twice_ = false;
};

}  // namespace

Json ParseObject(std::string_view line) {
  // The parser treats a zero byte as the end of its input.
  const std::size_t zero = line.find('\0');
  if (zero != std::string_view::npos) {
    throw Refusal(kMalformed, "The line is not JSON: a zero byte at byte " + std::to_string(zero + 1));
  }
  Inspector inspector;
  Json object;
  try {
    object = Json::parse(line.begin(), line.end(), std::ref(inspector));
  } catch (const Json::parse_error& error) {
    // Not the parser's own message, which repeats a part of the line.
    throw Refusal(kMalformed, "The line is not JSON in UTF-8: wrong at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    throw Refusal(kMalformed, "The line is not JSON: it has a number that is out of range");
  }
  inspector.Check();
  if (!object.is_object()) throw Refusal(kMalformed, "The line is JSON, but not an object");
  return object;
}

std::uint64_t TakeId(Json& object) {
  const auto found = object.find("id");
  if (found == object.end()) throw Refusal(kMalformed, "The request has no id");
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > kLargestNumber) {
    throw Refusal(kMalformed, "id must be a whole number from 0 to 9007199254740991");
  }
  const std::uint64_t id = found->get<std::uint64_t>();
  object.erase("id");
  return id;
}

std::string TakeCommand(Json& object) {
  const auto found = object.find("command");
  if (found == object.end()) throw Refusal(kParameter, "command is missing");
  if (!found->is_string()) throw Refusal(kParameter, "command must be a string");
  std::string command = found->get<std::string>();
  object.erase("command");
  return command;
}

std::string ToLine(const Json& message) {
  return message.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

Json ResultMessage(std::uint64_t id, Json result) {
  Json message;
  message["id"] = id;
  message["result"] = std::move(result);
  return message;
}

Json ErrorMessage(Json id, Json error) {
  Json message;
  message["id"] = std::move(id);
  message["error"] = std::move(error);
  return message;
}

Json ToJson(const Refusal& refusal) {
  return {{"code", refusal.code()}, {"message", refusal.what()}};
}

Json ToJson(const Error& error) {
  Json body;
  body["code"] = Describe(error.code).name;
  body["value"] = error.code;
  body["operation"] = error.operation;
  body["reader"] = error.reader;
  body["message"] = Sentence(error);
  return body;
}

Json ToJson(const SessionIdentity& identity) {
  return {{"id", identity.id}, {"connectTime", std::to_string(identity.connect_time)}};
}

Json ToJson(const Session& session) {
  Json body = ToJson(session.identity);
  body["user"] = session.user;
  body["source"] = NameOf(session.source);
  return body;
}

Json ToJson(const CacheEntryInfo& entry) {
  Json body;
  body["entry"] = entry.id;
  body["identity"] = ToJson(entry.identity);
  body["reader"] = entry.reader;
  body["atr"] = ToHex(entry.atr);
  body["leased"] = entry.leased;
  return body;
}

Json ToJson(const Evaluation& evaluation) {
  Json body;
  body["entry"] = evaluation.entry;
  body["reader"] = evaluation.reader;
  body["openedBy"] = ToJson(evaluation.opened_by);
  body["valid"] = evaluation.valid;
  body["waited"] = evaluation.waited;
  body["durationMs"] = static_cast<double>(evaluation.duration.count()) / 1000;
  return body;
}

std::string Sentence(const Error& error) {
  const StatusText text = Describe(error.code, error.operation);
  char number[16];
  std::snprintf(number, sizeof number, "0x%08x", static_cast<unsigned>(error.code));
  std::string sentence = error.operation;
  if (!error.reader.empty()) sentence += " on \"" + Printable(error.reader) + "\"";
  sentence += std::string(": ") + text.text;
  if (!error.detail.empty()) sentence += " (" + error.detail + ")";
  return sentence + " [" + text.name + " " + number + "]";
}

}  // namespace pcsc_bridge::agent
