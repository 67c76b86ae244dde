#include "call.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "script.h"

namespace fake_pcsc {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

abi::ContextHandle ContextOf(abi::CardHandle handle) {
  const Lock lock(TheService().mutex);
  const auto found = The().handles.find(handle);
  return found == The().handles.end() ? 0 : found->second.context;
}

Call::Call(const char* function, abi::ContextHandle context, const Line& arguments, Threads threads)
    : Call(function, context, 0, arguments, threads) {}

Call Call::OnCard(const char* function, abi::CardHandle handle, const Line& arguments) {
  return Call(function, ContextOf(handle), handle, arguments, Threads::kOne);
}

Call::Call(const char* function, abi::ContextHandle context, abi::CardHandle handle, const Line& arguments,
           Threads threads)
    : function_(function), lock_(TheService().mutex) {
  static std::uint64_t last = 0;
  FollowScript();
  number_ = ++last;
  Line line;
  line.Number("call", number_).Number("us", Now()).Number("thread", ThreadNumber()).Text("name", function_);
  line.Number("context", static_cast<std::uint64_t>(context));
  if (handle != 0) line.Number("handle", static_cast<std::uint64_t>(handle));
  Write(line.Append(arguments));
  if (context == 0 && (handle != 0 || function_ != "SCardEstablishContext")) {
    if (handle != 0) ReportViolation(function_ + " on a handle that is not, or no longer, connected");
    result_ = status::kInvalidHandle;
    return;
  }
  Enter(context, threads);
  FollowRules();
  if (result_ != status::kSuccess) return;
  if (context_ != nullptr && context_->dead) {
    result_ = context_->dead_code;
  } else if (!The().running) {
    result_ = status::kNoService;
  }
}

void Call::Enter(abi::ContextHandle context, Threads threads) {
  if (context == 0) return;
  const auto found = The().contexts.find(context);
  if (found == The().contexts.end()) {
    ReportViolation(function_ + " on a context that is not, or no longer, established");
    result_ = status::kInvalidHandle;
    return;
  }
  if (threads == Threads::kAny) {
    // Does not become the thread inside.
    if (found->second.dead) result_ = found->second.dead_code;
    return;
  }
  if (found->second.inside != 0) {
    ReportViolation(function_ + " on a context in which another thread is inside " + found->second.call);
    result_ = status::kInternalError;
    return;
  }
  context_ = &found->second;
  context_->inside = ThreadNumber();
  context_->call = function_;
}

void Call::FollowRules() {
  // A copy of the matching rule: the script may add or remove rules while this call is stuck.
  std::vector<Rule> now;
  auto& rules = The().rules;
  for (auto rule = rules.begin(); rule != rules.end();) {
    if (rule->function != function_) {
      ++rule;
      continue;
    }
    if (rule->skip > 0) {
      --rule->skip;
      ++rule;
      continue;
    }
    now.push_back(*rule);
    rule = rule->times > 0 && --rule->times == 0 ? rules.erase(rule) : rule + 1;
  }
  for (const Rule& rule : now) {
    if (rule.action == "fail") {
      result_ = static_cast<Status>(std::stoul(rule.arguments.at(0), nullptr, 0));
    } else if (rule.action == "length") {
      lies_ = true;
      told_length_ = std::stoul(rule.arguments.at(0), nullptr, 0);
    } else if (rule.action == "do") {
      Obey(rule.arguments);
    } else if (rule.action == "then") {
      afterwards_.push_back(rule.arguments);
    } else if (rule.action == "delay") {
      lock_.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(std::stoul(rule.arguments.at(0))));
      lock_.lock();
    } else if (rule.action == "stick") {
      const unsigned before = The().goes[function_];
      Write(Line().Number("stuck", number_));
      TheService().changed.wait(lock_, [&] { return The().goes[function_] != before; });
    }
  }
}

abi::Long Call::Return(Status result, const Line& more) {
  returned_ = true;
  Write(Line().Number("done", number_).Number("us", Now()).Number("result", result).Append(more));
  return static_cast<abi::Long>(result);
}

Call::~Call() {
  if (!returned_) ReportViolation(function_ + " of the fake itself forgot to return");
  for (const std::vector<std::string>& words : afterwards_) {
    Obey(words);
    Write(Line().Text("then", Joined(words)));
  }
  if (context_ != nullptr) context_->inside = 0;
}

Status GiveText(const std::basic_string<abi::Char>& text, abi::Char* buffer, Dword* length) {
  if (length == nullptr) return buffer == nullptr ? status::kSuccess : status::kInvalidParameter;
  const Dword room = std::exchange(*length, static_cast<Dword>(text.size() + 1));
  if (buffer == nullptr) return status::kSuccess;
  if (room < text.size() + 1) return status::kInsufficientBuffer;
  std::copy_n(text.c_str(), text.size() + 1, buffer);
  return status::kSuccess;
}

Status GiveBytes(const Call& call, const Bytes& bytes, unsigned char* buffer, Dword* length) {
  const std::size_t real = call.RealLength(bytes.size());
  const Dword room = std::exchange(*length, call.ToldLength(bytes.size()));
  if (buffer == nullptr) return status::kSuccess;
  if (room < real) return status::kInsufficientBuffer;
  std::copy_n(bytes.begin(), real, buffer);
  return status::kSuccess;
}

}  // namespace fake_pcsc
