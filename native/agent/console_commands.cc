#include "agent/console_commands.h"

#include <ctime>
#include <future>
#include <memory>
#include <string>

#include "agent/console.h"
#include "agent/hex.h"
#include "agent/message.h"
#include "agent/stream.h"
#include "agent/watch.h"
#include "loop/on_loop.h"
#include "loop/worker.h"
#include "pcsc/printable.h"
#include "session/filetime.h"

namespace pcsc_bridge::agent {
namespace {

int Fail(const Error& error) {
  Complain(Sentence(error));
  return 1;
}

std::string Time(std::uint64_t ticks) {
  const std::uint64_t seconds = ticks / kTicksPerSecond;
  if (seconds < kUnixEpochInSeconds) return "at a time unknown";
  const auto time = static_cast<std::time_t>(seconds - kUnixEpochInSeconds);
  const std::tm* parts = std::gmtime(&time);  // one thread asks
  char text[64];
  if (parts == nullptr || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", parts) == 0) {
    return "at a time out of range";
  }
  return text;
}

std::string TextOf(const Session& session) {
  const Json body = ToJson(session);
  const std::string ticks = std::to_string(session.identity.connect_time);
  return "session " + std::to_string(session.identity.id) + ", connected " +
         Time(session.identity.connect_time) + " (" + ticks + "), user " +
         (session.user.empty() ? "unknown" : session.user) + ", as " + body["source"].get<std::string>() +
         " tells\n";
}

std::string TextOf(const Event& event) {
  std::string text = event.name;
  if (!event.reader.empty()) text += "  " + Printable(event.reader);
  if (!event.atr.empty()) text += "  " + ToHex(event.atr);
  return text + "\n";
}

}  // namespace

int RunSession(bool json) {
  const Result<Session> session = SessionOfProcess(0);
  if (!session) return Fail(session.error());
  const std::shared_ptr<Stream> output = platform::StandardStream();
  const std::string text = json ? ToLine(ToJson(session.value())) : TextOf(session.value());
  return Show(*output, text) ? 0 : 1;
}

int RunWatch(bool json) {
  const std::shared_ptr<Stream> output = platform::StandardStream();
  const auto ended = std::make_shared<std::promise<std::string>>();
  // A write may block the loop: that is acceptable, because it has no other work.
  const auto report = [output, ended, json, over = false](const Event& event) mutable {
    if (over || Show(*output, json ? ToLine(ToJson(event)) : TextOf(event))) return;
    over = true;
    ended->set_value(output->reason());
  };
  const std::shared_ptr<Monitor> monitor = Monitor::OfProcess();
  if (!monitor) return Fail(NoLoopError());
  const std::shared_ptr<Loop>& loop = monitor->loop();
  const auto watch = loop->Sync([&] { return OwnedOnLoop(loop, Watch::Start(monitor, loop, report)); });
  Complain(ended->get_future().get());
  return 1;
}

}  // namespace pcsc_bridge::agent
