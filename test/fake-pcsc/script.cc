#include "script.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "log.h"
#include "loop/immortal.h"

namespace fake_pcsc {
namespace {

using Words = std::vector<std::string>;

// Interval at which waiting calls read the script; each call also reads it when it begins.
constexpr std::chrono::milliseconds kLookAgain{2};

constexpr std::string_view kActions[] = {"fail", "stick", "delay", "length", "do", "then"};

Dword ParseNumber(const std::string& word) {
  std::size_t end = 0;
  const unsigned long number = std::stoul(word, &end, 0);
  if (end != word.size()) throw std::invalid_argument(word + " is not a number");
  return number;
}

bool ParseSwitch(const std::string& word) {
  if (word != "yes" && word != "no") throw std::invalid_argument(word + " is neither yes nor no");
  return word == "yes";
}

Dword ParseProtocols(const Words& words, std::size_t from) {
  Dword protocols = 0;
  for (std::size_t i = from; i < words.size(); ++i) {
    if (words[i] != "T=0" && words[i] != "T=1" && words[i] != "raw") {
      throw std::invalid_argument(words[i] + " is no protocol");
    }
    protocols |= words[i] == "T=0"   ? abi::kProtocolT0
                 : words[i] == "T=1" ? abi::kProtocolT1
                                     : abi::kProtocolRaw;
  }
  return protocols != 0 ? protocols : abi::kProtocolT1;
}

Reader& ReaderCalled(const std::string& name) {
  const auto found = The().readers.find(name);
  if (found == The().readers.end()) throw std::invalid_argument("there is no reader " + name);
  return found->second;
}

void Set(const std::string& name, const std::string& value) {
  Settings& settings = The().settings;
  if (name == "semantics") {
    if (value != "windows" && value != "pcsclite") throw std::invalid_argument("no semantics: " + value);
    settings = Settings(value == "windows" ? Semantics::kWindows : Semantics::kPcsclite);
  } else if (name == "status-is-mask") {
    settings.status_is_mask = ParseSwitch(value);
  } else if (name == "begin-tells-of-reset") {
    settings.begin_tells_of_reset = ParseSwitch(value);
  } else if (name == "refuse-while-held") {
    settings.refuse_while_held = ParseSwitch(value);
  } else if (name == "connect-waits") {
    settings.connect_waits = ParseSwitch(value);
  } else if (name == "unknown-reader-fails") {
    settings.unknown_reader_fails = ParseSwitch(value);
  } else if (name == "status-change-waits") {
    settings.status_change_waits = ParseSwitch(value);
  } else if (name == "pseudo-reader") {
    settings.pseudo_reader = ParseSwitch(value);
  } else if (name == "largest-item") {
    settings.largest_item = ParseNumber(value);
  } else if (name == "largest-output") {
    settings.largest_output = ParseNumber(value);
  } else {
    throw std::invalid_argument("no setting: " + name);
  }
}

// on FUNCTION [skip N] [times N|always] ACTION [ARGUMENT...]
void AddRule(const Words& words) {
  Rule rule;
  rule.function = words.at(1);
  std::size_t next = 2;
  for (; next < words.size(); ++next) {
    if (words[next] == "always") {
      rule.times = -1;
    } else if (words[next] == "skip") {
      rule.skip = static_cast<int>(ParseNumber(words.at(++next)));
    } else if (words[next] == "times") {
      rule.times = static_cast<int>(ParseNumber(words.at(++next)));
    } else {
      break;
    }
  }
  rule.action = words.at(next);
  if (std::find(std::begin(kActions), std::end(kActions), rule.action) == std::end(kActions)) {
    throw std::invalid_argument("no action: " + rule.action);
  }
  rule.arguments.assign(words.begin() + static_cast<std::ptrdiff_t>(next) + 1, words.end());
  if (rule.action != "stick" && rule.arguments.empty()) throw std::invalid_argument("an argument is missing");
  The().rules.push_back(std::move(rule));
}

void Go(const std::string& function) {
  auto& rules = The().rules;
  rules.erase(
      std::remove_if(rules.begin(), rules.end(),
                     [&](const Rule& rule) { return rule.function == function && rule.action == "stick"; }),
      rules.end());
  ++The().goes[function];
}

void StoreItem(const Words& words) {
  const Bytes card = ParseHex(words.at(1));
  if (card.size() != 16) throw std::invalid_argument("a card identifier has 16 bytes");
  std::array<std::uint8_t, 16> key;
  std::copy(card.begin(), card.end(), key.begin());
  The().items[{key, words.at(2)}] = Item{ParseNumber(words.at(3)), ParseHex(words.at(4))};
}

struct Command {
  std::string_view name;
  void (*obey)(const Words&);
};

constexpr Command kCommands[] = {
    {"set", [](const Words& words) { Set(words.at(1), words.at(2)); }},
    {"reader", [](const Words& words) { The().readers[words.at(1)]; }},
    {"reader-gone",
     [](const Words& words) {
       ReaderCalled(words.at(1));
       The().readers.erase(words.at(1));
     }},
    {"card",
     [](const Words& words) {
       InsertCard(ReaderCalled(words.at(1)), ParseHex(words.at(2)), ParseProtocols(words, 3));
     }},
    {"card-gone", [](const Words& words) { RemoveCard(ReaderCalled(words.at(1))); }},
    {"mute", [](const Words& words) { ReaderCalled(words.at(1)).mute = true; }},
    {"state", [](const Words& words) { ReaderCalled(words.at(1)).extra_state = ParseNumber(words.at(2)); }},
    {"swap",
     [](const Words& words) {
       Reader& reader = ReaderCalled(words.at(1));
       const Bytes atr = reader.atr;
       const Dword protocols = reader.protocols;
       RemoveCard(reader);
       InsertCard(reader, atr, protocols);
     }},
    {"reset", [](const Words& words) { ResetCard(ReaderCalled(words.at(1))); }},
    {"hold",
     [](const Words& words) {
       Reader& reader = ReaderCalled(words.at(1));
       if (reader.holder != kNobody) throw std::invalid_argument("somebody holds it already");
       reader.holder = kOtherProcess;
     }},
    {"hold-if-free",
     [](const Words& words) {
       Reader& reader = ReaderCalled(words.at(1));
       if (reader.holder == kNobody) reader.holder = kOtherProcess;
     }},
    {"free",
     [](const Words& words) {
       Reader& reader = ReaderCalled(words.at(1));
       if (reader.holder == kOtherProcess) reader.holder = kNobody;
     }},
    {"exclusive", [](const Words& words) { ReaderCalled(words.at(1)).exclusive = kOtherProcess; }},
    {"shared", [](const Words& words) { ReaderCalled(words.at(1)).exclusive = kNobody; }},
    {"answer",
     [](const Words& words) {
       ReaderCalled(words.at(1)).answers.emplace_back(ParseHex(words.at(2)), ParseHex(words.at(3)));
     }},
    {"attribute",
     [](const Words& words) {
       ReaderCalled(words.at(1)).attributes[ParseNumber(words.at(2))] = ParseHex(words.at(3));
     }},
    {"control",
     [](const Words& words) {
       ReaderCalled(words.at(1)).controls[ParseNumber(words.at(2))] = ParseHex(words.at(3));
     }},
    {"item", StoreItem},
    {"on", AddRule},
    {"go", [](const Words& words) { Go(words.at(1)); }},
    {"forget-rules", [](const Words&) { The().rules.clear(); }},
    {"events", [](const Words& words) { ReaderCalled(words.at(1)).events += ParseNumber(words.at(2)); }},
    {"stop-service",
     [](const Words& words) {
       StopService(words.size() > 1 ? static_cast<Status>(ParseNumber(words[1]))
                                    : The().settings.stopped_code);
     }},
    {"start-service",
     [](const Words& words) {
       The().running = true;
       const Status code =
           words.size() > 1 ? static_cast<Status>(ParseNumber(words[1])) : status::kInvalidHandle;
       for (auto& [number, context] : The().contexts) {
         if (context.dead) context.dead_code = code;
       }
     }},
};

// The lines added to the script, complete lines only.
std::vector<std::string> NewLines() {
  static std::FILE* const file = platform::OpenFile("FAKE_PCSC_SCRIPT", "rb");
  static pcsc_bridge::Immortal<std::string> unfinished;
  static long read = 0;
  std::vector<std::string> lines;
  if (file == nullptr) return lines;
  // Seeking makes Windows' C library read again after it has met the end.
  if (std::fseek(file, read, SEEK_SET) != 0) return lines;
  char buffer[4096];
  while (const std::size_t length = std::fread(buffer, 1, sizeof buffer, file)) {
    unfinished->append(buffer, length);
    read += static_cast<long>(length);
  }
  std::size_t start = 0;
  for (std::size_t end; (end = unfinished->find('\n', start)) != std::string::npos; start = end + 1) {
    lines.push_back(unfinished->substr(start, end - start));
  }
  unfinished->erase(0, start);
  return lines;
}

[[noreturn]] void KeepLooking() {
  for (;;) {
    std::this_thread::sleep_for(kLookAgain);
    const Lock lock(TheService().mutex);
    FollowScript();
  }
}

}  // namespace

std::vector<std::string> SplitWords(const std::string& line) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == ' ' || line[i] == '\r') {
      ++i;
      continue;
    }
    std::string word;
    if (line[i] == '"') {
      for (++i; i < line.size() && line[i] != '"'; ++i) {
        if (line[i] == '\\' && i + 1 < line.size()) ++i;
        word += line[i];
      }
      ++i;
    } else {
      for (; i < line.size() && line[i] != ' ' && line[i] != '\r'; ++i) word += line[i];
    }
    words.push_back(std::move(word));
  }
  return words;
}

Bytes ParseHex(const std::string& hex) {
  if (hex == "-") return {};
  if (hex.size() % 2 != 0) throw std::invalid_argument("hexadecimal digits come in pairs");
  const auto digit = [](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    throw std::invalid_argument(std::string(1, c) + " is no hexadecimal digit");
  };
  Bytes bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

void Obey(const std::vector<std::string>& words) {
  if (words.empty()) return;
  try {
    const auto command = std::find_if(std::begin(kCommands), std::end(kCommands),
                                      [&](const Command& known) { return known.name == words[0]; });
    if (command == std::end(kCommands)) throw std::invalid_argument("no command: " + words[0]);
    command->obey(words);
  } catch (const std::exception& error) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    Write(Line().Text("error", text.substr(0, 200) + ": " + error.what()));
  }
  TheService().changed.notify_all();
}

void FollowScript() {
  static bool looking = false;
  static std::uint64_t number = 0;
  if (!std::exchange(looking, true)) std::thread(KeepLooking).detach();
  for (const std::string& line : NewLines()) {
    Obey(SplitWords(line));
    Write(Line().Number("told", ++number).Number("us", Now()).Text("line", line.substr(0, 200)));
  }
}

}  // namespace fake_pcsc
