#include "agent/user_role.h"

#include <algorithm>
#include <chrono>

#include "agent/hex.h"
#include "agent/readers.h"
#include "backend/choice.h"

namespace pcsc_bridge::agent {
namespace {

using std::chrono::steady_clock;

// Connecting and beginning on a free, powered card takes no longer than this. pcsc-lite's service waits in
// steps of this length.
constexpr std::chrono::milliseconds kNobodyWaited{100};

bool IsInUse(const Monitor::Picture& picture, const std::string& reader) {
  const auto found = std::find_if(picture.begin(), picture.end(),
                                  [&](const ReaderStatus& status) { return status.reader == reader; });
  return found != picture.end() && (found->state & (reader_state::kInUse | reader_state::kExclusive)) != 0;
}

}  // namespace

// Reads the state of the reader, then connects and begins a transaction. PC/SC does not report whether a
// connect waited: it did if the card was in use before and the connect took long.
class UserRole::HoldAttempt final : public Cancellable, public std::enable_shared_from_this<HoldAttempt> {
 public:
  HoldAttempt(std::shared_ptr<Cards> cards, std::shared_ptr<Connection> connection, RequestPtr request,
              std::string reader)
      : cards_(std::move(cards)),
        connection_(std::move(connection)),
        request_(std::move(request)),
        reader_(std::move(reader)) {}

  void Start() {
    const std::shared_ptr<Monitor> monitor = Monitor::OfProcess();
    // It queues behind another card of this agent, so it certainly waits.
    if (!monitor || ReaderQueue::OfProcess().IsTaken(reader_)) return Begin(false);
    step_ = LookAtReaders(monitor, connection_->loop(),
                          [self = shared_from_this()](const Result<Monitor::Picture>& picture) {
                            if (picture.code() == status::kCancelled) return self->Fail(picture.error());
                            self->Begin(picture && IsInUse(picture.value(), self->reader_));
                          });
  }

  void Cancel() override {
    const std::shared_ptr<Cancellable> step = std::exchange(step_, nullptr);
    if (step) step->Cancel();
  }

 private:
  void Begin(bool in_use) {
    const auto parameters =
        std::make_shared<const ConnectParameters>(ConnectParameters{reader_, ShareMode::kShared, kT0OrT1});
    step_ = connection_->Claim(
        parameters, kT0OrT1, [] { return false; },
        [self = shared_from_this(), in_use,
         start = steady_clock::now()](const Result<Connection::Claimed>& claimed) {
          if (!claimed) return self->Fail(claimed.error());
          const bool slow = steady_clock::now() - start >= kNobodyWaited;
          self->Succeed(claimed.value(), claimed.value().begun.waited.any() || (in_use && slow));
        });
  }

  void Succeed(const Connection::Claimed& claimed, bool waited) {
    step_ = nullptr;
    const std::uint64_t number = cards_->Add(std::make_shared<HeldCard>(HeldCard{reader_, connection_}));
    request_->Succeed({{"card", number}, {"waited", waited}, {"atr", ToHex(claimed.atr)}});
  }
  void Fail(Error error) {
    step_ = nullptr;
    connection_->Close(Disposition::kLeave);
    if (error.reader.empty()) error.reader = reader_;
    request_->Fail(error);
  }

  const std::shared_ptr<Cards> cards_;
  const std::shared_ptr<Connection> connection_;
  const RequestPtr request_;
  const std::string reader_;
  std::shared_ptr<Cancellable> step_;  // null once it has ended
};

std::vector<Command> UserRole::Commands() {
  const auto bind = [this](void (UserRole::*run)(const Parameters&, const RequestPtr&)) {
    return [this, run](const Parameters& parameters, const RequestPtr& request) {
      (this->*run)(parameters, request);
    };
  };
  return {
      {"hold", {"reader", "timeout"}, bind(&UserRole::Hold)},
      {"exchange", {"card", "apdu", "timeout"}, bind(&UserRole::Exchange)},
      {"release", {"card", "disposition"}, bind(&UserRole::Release)},
  };
}

void UserRole::Hold(const Parameters& parameters, const RequestPtr& request) {
  std::string reader = parameters.Reader();
  const auto timeout = parameters.Timeout();
  std::shared_ptr<Connection> connection =
      Connection::Create({scope_, backend::OfProcess(), CardUsers::OfProcess(), CardOwner{}});
  const auto attempt =
      std::make_shared<HoldAttempt>(cards_, std::move(connection), request, std::move(reader));
  attempt->Start();
  request->Attach(attempt, timeout);
}

void UserRole::Exchange(const Parameters& parameters, const RequestPtr& request) {
  const std::uint64_t number = parameters.Number("card", kLargestNumber);
  const std::shared_ptr<HeldCard> held = cards_->Find(number, "card");
  ExchangeOn(*held->connection, held->reader, parameters, request, [cards = cards_, number] {
    if (const std::shared_ptr<HeldCard> gone = cards->TakeIfThere(number)) {
      gone->connection->Close(Disposition::kReset);
    }
  });
}

void UserRole::Release(const Parameters& parameters, const RequestPtr& request) {
  const Disposition disposition = parameters.EndsWith();
  const std::shared_ptr<HeldCard> held = cards_->Take(parameters.Number("card", kLargestNumber), "card");
  request->Attach(held->connection->Disconnect(disposition, [held, request](const Result<Done>& released) {
    // If it was given up before its turn, the card is still held.
    held->connection->Close(released ? Disposition::kLeave : Disposition::kReset);
    if (released) {
      request->Succeed(Json::object());
    } else {
      request->Fail(released.error());
    }
  }));
}

void UserRole::Close(std::shared_ptr<void> last) {
  for (const auto& [number, held] : cards_->TakeAll()) {
    held->connection->Close(Disposition::kReset, [last] {});
  }
}

}  // namespace pcsc_bridge::agent
