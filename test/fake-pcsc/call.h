// One call of a library function: logged, checked against the rules of contexts and threads, and disturbed as
// the script says.
#pragma once

#include <string>

#include "log.h"
#include "service.h"

namespace fake_pcsc {

// The service is locked during the call, except for delays, stuck calls and waits.
class Call {
 public:
  // `context`: 0 for SCardEstablishContext. SCardCancel and SCardIsValidContext may come from any thread.
  enum class Threads { kOne, kAny };
  Call(const char* function, abi::ContextHandle context, const Line& arguments = {},
       Threads threads = Threads::kOne);
  // The same on the context of a card handle.
  static Call OnCard(const char* function, abi::CardHandle handle, const Line& arguments = {});
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // The script makes it fail, the context is invalid, or the service has stopped.
  bool failed() const { return result_ != status::kSuccess; }
  Status result() const { return result_; }
  // The result that the library returns. `more` is logged beside it.
  abi::Long Return(Status result, const Line& more = {});
  abi::Long Return() { return Return(result_); }

  Lock& lock() { return lock_; }
  Context& context() { return *context_; }
  void ForgetContext() { context_ = nullptr; }
  // The length that a response reports: its own by default, or another from the script.
  Dword ToldLength(std::size_t own) const { return lies_ ? told_length_ : static_cast<Dword>(own); }
  // A response that the script may have shortened.
  std::size_t RealLength(std::size_t own) const { return lies_ && told_length_ < own ? told_length_ : own; }

 private:
  Call(const char* function, abi::ContextHandle context, abi::CardHandle handle, const Line& arguments,
       Threads threads);
  void Enter(abi::ContextHandle context, Threads threads);
  void FollowRules();

  const std::string function_;
  Lock lock_;
  Context* context_ = nullptr;
  std::uint64_t number_ = 0;
  Status result_ = status::kSuccess;
  bool lies_ = false;
  Dword told_length_ = 0;
  bool returned_ = false;
  std::vector<std::vector<std::string>> afterwards_;
};

abi::ContextHandle ContextOf(abi::CardHandle handle);

// Copies a text to the caller as the library does. Its length in characters, including the zero, is reported
// in any case.
Status GiveText(const std::basic_string<abi::Char>& text, abi::Char* buffer, Dword* length);
Status GiveBytes(const Call& call, const Bytes& bytes, unsigned char* buffer, Dword* length);

}  // namespace fake_pcsc
