// A watcher of pcscd's readers, with arbitrary responses of pcscd and reports of changes at any time.
#include "backend/daemon/backend.h"
#include "scripted_daemon.h"

namespace pcsc_bridge::fuzz {
namespace {

constexpr int kMostTurns = 64;
constexpr std::size_t kLongestAtr = 33;

void CheckPicture(const backend::Picture& picture) {
  for (const ReaderStatus& reader : picture) {
    Require(!reader.reader.empty() && reader.reader.size() <= daemon::kNameSize, "a reader has a name");
    Require(reader.atr.size() <= kLongestAtr, "an ATR has at most 33 bytes");
    Require(reader.event_count <= 0xffff, "an event count has 16 bits");
    const bool present = (reader.state & reader_state::kPresent) != 0;
    Require(present || reader.atr.empty(), "only a card has an ATR");
  }
}

}  // namespace

void DaemonWatcher(Input input) {
  static ScriptedDaemon daemon;
  const std::shared_ptr<Loop> loop = Loop::Create();
  Require(loop != nullptr, "there is a loop");
  const auto backend = backend::MakeDaemonBackend(daemon.path());
  daemon.Speak(loop, daemon::kOldestMinor + input.Byte() % 3);
  {
    bool dead = false;
    const auto report = [&dead](const Result<backend::Picture>& picture) {
      Require(!dead, "an error is the last report");
      if (picture) {
        CheckPicture(picture.value());
      } else {
        dead = true;
      }
    };
    std::unique_ptr<backend::Watcher> watcher = backend->Watch(loop, report);
    for (int turns = 0; turns < kMostTurns && !input.empty(); ++turns) {
      daemon.Run(*loop, input);
      if (input.Byte() % 8 == 0) watcher.reset();
      if (dead || !watcher) {
        watcher.reset();
        dead = false;
        watcher = backend->Watch(loop, report);
      } else {
        daemon.SendUnasked(input);
      }
    }
  }
  daemon.CloseAll();
  daemon.Run(*loop, input);
  loop->End();
}

}  // namespace pcsc_bridge::fuzz
