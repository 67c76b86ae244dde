// pcsc-holder READER [MILLISECONDS]: holds a transaction on the card in a reader, with plain PC/SC.
//
// It is the other process of the reproduction: a program that shares only the PC/SC service with the
// bridge. It prints "held" when the transaction has begun, holds it until the time is over or its standard
// input ends, ends it without a change to the card, and prints "released". If PC/SC fails, it prints a
// sentence and exits with status 1.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include "backend/library/context.h"
#include "backend/library/library.h"

namespace {

namespace abi = pcsc_bridge::abi;
using pcsc_bridge::Checked;
using pcsc_bridge::Context;
using pcsc_bridge::Error;
using pcsc_bridge::Library;
using pcsc_bridge::Result;

int Fail(const Error& error) {
  const pcsc_bridge::StatusText text = pcsc_bridge::Describe(error.code, error.operation);
  (void)std::fprintf(stderr, "pcsc-holder: %s: %s [%s] %s\n", error.operation.c_str(), text.text, text.name,
                     error.detail.c_str());
  return 1;
}

void Say(const char* word) {
  (void)std::printf("%s\n", word);
  (void)std::fflush(stdout);
}

// Waits for the end of standard input or of the time, whichever is first.
void WaitForRelease(std::chrono::milliseconds time) {
  // Left behind with the reading thread when the time is over first.
  static std::mutex mutex;
  static std::condition_variable changed;
  static bool ended = false;
  std::thread([] {
    while (std::getchar() != EOF) continue;
    const std::lock_guard<std::mutex> lock(mutex);
    ended = true;
    changed.notify_one();
  }).detach();
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait_for(lock, time, [] { return ended; });
}

int Hold(const std::string& reader, std::chrono::milliseconds time) {
  const Result<const Library*> loaded = Library::Load();
  if (!loaded) return Fail(loaded.error());
  const Library& library = *loaded.value();
  const Result<Context> context = Context::Establish(library);
  if (!context) return Fail(context.error());
  constexpr auto shared = static_cast<abi::Dword>(pcsc_bridge::ShareMode::kShared);
  constexpr auto leave = static_cast<abi::Dword>(pcsc_bridge::Disposition::kLeave);
  constexpr abi::Dword protocols = abi::kProtocolT0 | abi::kProtocolT1;
  abi::CardHandle card{};
  abi::Dword protocol = 0;
  const auto connected =
      Checked(library.connect(context.value().handle(), pcsc_bridge::platform::ToNative(reader).c_str(),
                              shared, protocols, &card, &protocol),
              "SCardConnect", reader);
  if (!connected) return Fail(connected.error());
  auto begun = Checked(library.begin_transaction(card), "SCardBeginTransaction", reader);
  // Another program has reset the card since the call before.
  while (!begun && begun.error().code == pcsc_bridge::status::kResetCard) {
    const auto reconnected =
        Checked(library.reconnect(card, shared, protocols, leave, &protocol), "SCardReconnect", reader);
    if (!reconnected) return Fail(reconnected.error());
    begun = Checked(library.begin_transaction(card), "SCardBeginTransaction", reader);
  }
  if (!begun) return Fail(begun.error());
  Say("held");
  WaitForRelease(time);
  const auto ended = Checked(library.end_transaction(card, leave), "SCardEndTransaction", reader);
  if (!ended) return Fail(ended.error());
  Say("released");
  library.disconnect(card, leave);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    (void)std::fprintf(stderr, "usage: pcsc-holder READER [MILLISECONDS]\n");
    return 2;
  }
  const long time = argc == 3 ? std::strtol(argv[2], nullptr, 10) : 24L * 3600 * 1000;
  const int status = Hold(argv[1], std::chrono::milliseconds(time));
  std::fflush(nullptr);
  std::_Exit(status);  // the reading thread may still be at it
}
