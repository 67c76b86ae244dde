// A client of pcscd: calls and cancellations, in any order, with arbitrary responses of pcscd.
#include <poll.h>

#include <optional>
#include <utility>
#include <variant>

#include "backend/daemon/backend.h"
#include "scripted_daemon.h"

namespace pcsc_bridge::fuzz {
namespace {

constexpr int kMostCalls = 64;
constexpr std::size_t kMostData = 65548;  // pcsc-lite's MAX_BUFFER_SIZE_EXTENDED
constexpr std::size_t kLongestAtr = 33;

// `announced`: the length of the data, if the response to the call had one.
void CheckOutcome(const backend::Outcome& outcome, const std::optional<std::size_t>& announced) {
  if (!outcome) return Require(outcome.code() != status::kSuccess, "a failure has a code");
  const backend::Reply& reply = outcome.value();
  Require(reply.bytes.size() <= kMostData, "a response has a bound");
  Require(!announced || reply.bytes.size() == *announced, "a response is as long as announced");
  Require(reply.status.atr.size() <= kLongestAtr, "an ATR has at most 33 bytes");
  for (const std::string& name : reply.names) {
    Require(!name.empty() && name.size() <= daemon::kNameSize, "a reader has a name");
  }
}

std::shared_ptr<const SecretBytes> Secretly(Bytes bytes) {
  return std::make_shared<const SecretBytes>(std::move(bytes));
}

Disposition AnyDisposition(Input& input) {
  return static_cast<Disposition>(input.Byte() % 4);
}

backend::Call AnyCall(std::uint8_t which, Input& input) {
  switch (which % 13) {
    case 0:
      return backend::ListReaders{};
    case 1:
      return backend::ListReaderGroups{};
    case 2:
      return backend::CheckContext{};
    case 3:
      return backend::Reconnect{ShareMode::kShared, kT0 | kT1, AnyDisposition(input)};
    case 4:
      return backend::Disconnect{AnyDisposition(input), [] {}};
    case 5:
      return backend::Begin{};
    case 6:
      return backend::End{AnyDisposition(input)};
    case 7:
      return backend::Status{input.Byte() % 2 == 0};
    case 8:
      return backend::Transmit{Secretly(Bytes(input.Word() + std::size_t{input.Byte()}, 0xa4))};
    case 9:
      return backend::Control{1, input.Byte() % 2 == 0 ? nullptr : Secretly(Bytes(input.Byte(), 1))};
    case 10:
      return backend::GetAttribute{1};
    case 11:
      return backend::SetAttribute{1, Bytes(input.Word() % 300, 2)};
    default:
      return backend::Connect{std::string(1 + input.Byte() % 3 * 64, 'R'), ShareMode::kShared, kT0 | kT1};
  }
}

// A client, which is replaced once it is unusable.
class Caller {
 public:
  Caller(ScriptedDaemon& daemon, std::shared_ptr<Loop> loop)
      : daemon_(daemon), loop_(std::move(loop)), backend_(backend::MakeDaemonBackend(daemon.path())) {
    Renew();
  }
  ~Caller() { ++*generation_; }

  bool calling() const { return *calling_; }
  void Start(backend::Call call) {
    *calling_ = true;
    const bool has_data =
        std::holds_alternative<backend::Transmit>(call) || std::holds_alternative<backend::Control>(call);
    client_->Start(std::move(call), [this, has_data, calling = calling_, generation = generation_,
                                     mine = *generation_](const backend::Outcome& outcome) {
      Require(mine == *generation, "no answer comes after a call was given up");
      Require(*calling, "an answer comes once");
      *calling = false;
      CheckOutcome(outcome, has_data ? daemon_.announced() : std::nullopt);
    });
    Require(*calling_, "no answer comes within the call");
  }
  void GiveUp() {
    ++*generation_;
    *calling_ = false;
    if (client_->GiveUp() == backend::Client::After::kLost) Retire(Disposition::kReset);
  }
  void Retire(Disposition disposition) {
    ++*generation_;
    *calling_ = false;
    client_->Retire(disposition, [] {});
    Renew();
  }

 private:
  void Renew() { client_ = backend_->MakeClient(loop_); }

  const ScriptedDaemon& daemon_;
  const std::shared_ptr<Loop> loop_;
  const std::unique_ptr<backend::Backend> backend_;
  std::unique_ptr<backend::Client> client_;
  const std::shared_ptr<bool> calling_ = std::make_shared<bool>(false);
  const std::shared_ptr<int> generation_ = std::make_shared<int>(0);
};

}  // namespace

void DaemonClient(Input input) {
  static ScriptedDaemon daemon;
  const std::shared_ptr<Loop> loop = Loop::Create();
  Require(loop != nullptr, "there is a loop");
  daemon.Speak(loop, daemon::kOldestMinor + input.Byte() % 3);
  {
    Caller caller(daemon, loop);
    int waits = 2;  // for the pauses between two polls, which take time
    for (int calls = 0; calls < kMostCalls && !input.empty(); ++calls) {
      const std::uint8_t what = input.Byte();
      if (!caller.calling()) {
        caller.Start(AnyCall(what, input));
      } else if (what % 4 == 0) {
        caller.GiveUp();
      } else if (what % 4 == 1) {
        caller.Retire(AnyDisposition(input));
      } else if (what % 4 == 2 && waits-- > 0) {
        pollfd wait{loop->descriptor(), POLLIN, 0};
        (void)poll(&wait, 1, 3);
      }
      if (what < 128) daemon.Run(*loop, input);
    }
  }
  // The work that retired clients still owe ends with the connections.
  daemon.Run(*loop, input);
  daemon.CloseAll();
  daemon.Run(*loop, input);
  loop->End();
}

}  // namespace pcsc_bridge::fuzz
