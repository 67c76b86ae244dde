#include "agent/readers.h"

#include <utility>

#include "agent/hex.h"

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

class Look final : public Cancellable, public std::enable_shared_from_this<Look> {
 public:
  explicit Look(Monitor::Report answer) : answer_(std::move(answer)) {}

  void Start(const std::shared_ptr<Monitor>& monitor, const std::shared_ptr<Loop>& loop) {
    // Holds itself by its subscription, until it has answered.
    subscription_ = monitor->Subscribe(
        loop,
        [self = shared_from_this()](const Result<Monitor::Picture>& picture) { self->Answer(picture); });
  }
  void Cancel() override { Answer(CancelledError()); }

 private:
  void Answer(const Result<Monitor::Picture>& picture) {
    if (!answer_) return;
    const std::shared_ptr<Look> self = shared_from_this();
    subscription_ = nullptr;
    std::exchange(answer_, nullptr)(picture);
  }

  Monitor::Report answer_;  // null once it has come
  std::shared_ptr<Monitor::Subscription> subscription_;
};

}  // namespace

std::shared_ptr<Cancellable> LookAtReaders(const std::shared_ptr<Monitor>& monitor,
                                           const std::shared_ptr<Loop>& loop, Monitor::Report answer) {
  auto look = std::make_shared<Look>(std::move(answer));
  look->Start(monitor, loop);
  return look;
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
