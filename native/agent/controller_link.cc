#include "agent/controller_link.h"

#include <chrono>
#include <exception>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "agent/hello.h"
#include "agent/join.h"
#include "agent/line_reader.h"
#include "loop/at_last.h"
#include "loop/on_loop.h"

namespace pcsc_bridge::agent {
namespace {

using std::chrono::milliseconds;

// How long the other side may leave answers unread while it sends more requests.
constexpr milliseconds kPatience{30000};
// At the end, for the cards and for the last answers: together well below a second.
constexpr milliseconds kForCards{500};
constexpr milliseconds kForAnswers{200};
constexpr std::size_t kReadAtOnce = 64 * 1024;

}  // namespace

ControllerLink::ControllerLink(Options options, std::optional<Key> key, std::shared_ptr<Ending> ending,
                               std::shared_ptr<Loop> loop)
    : options_(std::move(options)),
      key_(std::move(key)),
      ending_(std::move(ending)),
      loop_(std::move(loop)) {}

void ControllerLink::Start() {
  std::thread([self = shared_from_this()] { self->Run(); }).detach();
}

void ControllerLink::Run() {
  try {
    const std::shared_ptr<Stream> stream = Open();
    key_.reset();
    if (!stream) return;
    SetUp(stream);
    ending_->Reach(Ending::Stage::kWorking);
    if (!options_.connect) outbox_->Push(HelloLine(options_.role, options_.role));
    ReadLines(*stream);
  } catch (const std::exception& error) {
    ending_->Tell(1, error.what());
  }
}

std::shared_ptr<Stream> ControllerLink::Open() {
  return options_.connect ? JoinController(options_, *key_, *ending_) : platform::StandardStream();
}

void ControllerLink::SetUp(const std::shared_ptr<Stream>& stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  outbox_ = std::make_shared<Outbox>(
      stream, [ending = ending_](std::string why) { ending->Tell(1, std::move(why)); });
  const auto send = [outbox = outbox_](std::string line) { outbox->Push(std::move(line)); };
  const auto quit = [this] {
    over_ = true;
    ending_->Tell(0);
  };
  handler_ = loop_->Sync(
      [&] { return OwnedOnLoop(loop_, std::make_unique<RequestHandler>(options_.word, loop_, send, quit)); });
}

void ControllerLink::ReadLines(Stream& stream) {
  LineReader lines([this](std::string_view line, bool too_long) {
    if (!over_) OnLine(line, too_long);
  });
  std::vector<char> buffer(kReadAtOnce);
  while (!over_) {
    std::size_t size = 0;
    const Stream::Outcome outcome = stream.Read(buffer.data(), buffer.size(), size);
    if (outcome == Stream::Outcome::kBroken) return ending_->Tell(1, stream.reason());
    if (outcome == Stream::Outcome::kEnd) return OnEnd(lines.in_line());
    lines.Feed(std::string_view(buffer.data(), size));
    Wipe(buffer.data(), size);
  }
}

void ControllerLink::OnLine(std::string_view line, bool too_long) {
  if (outbox_->WaitForRoom(kPatience)) {
    // The line is wiped when this returns.
    loop_->Sync([&] {
      handler_->OnLine(line, too_long);
      return Done{};
    });
    return;
  }
  over_ = true;
  ending_->Tell(1, "the other side does not read the answers");
}

void ControllerLink::OnEnd(bool in_line) {
  if (in_line) loop_->Post([handler = handler_] { handler->OnUnfinishedLine(); });
  ending_->Tell(0);
}

void ControllerLink::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!outbox_) return;
  const auto gone = std::make_shared<std::promise<void>>();
  loop_->Post([handler = handler_, last = AtLast([gone] { gone->set_value(); })] { handler->Close(last); });
  gone->get_future().wait_for(kForCards);
  loop_->Sync([this] {
    handler_->EndScope();
    return Done{};
  });
  outbox_->Drain(kForAnswers);
}

}  // namespace pcsc_bridge::agent
