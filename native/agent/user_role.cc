#include "agent/user_role.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/hex.h"
#include "agent/readers.h"

namespace pcsc_bridge::agent {
namespace {

using RequestPtr = std::shared_ptr<Request>;
using std::chrono::steady_clock;

constexpr std::uint64_t kLargestNumber = 9007199254740991;

struct Hold {
  bool waited = false;
  Bytes atr;
};

// Connecting and beginning on a free card that is powered already takes no longer; what waits inside
// pcsc-lite's service does so in steps of this length.
constexpr std::chrono::milliseconds kNobodyWaited{100};

bool IsInUse(const Library& library, const std::string& reader) {
  const Result<std::vector<ReaderStatus>> readers = LookAtReaders(library);
  if (!readers) return false;
  const auto& list = readers.value();
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const ReaderStatus& status) { return status.reader == reader; });
  return found != list.end() && (found->state & (reader_state::kInUse | reader_state::kExclusive)) != 0;
}

Result<Hold> ConnectAndBegin(const Library& library, const std::string& reader, Connection& connection,
                             Operation& operation) {
  // PC/SC does not tell that a connect has waited. It has where somebody used the card before and it took
  // long.
  const bool in_line = ReaderGate::OfProcess().IsTaken(reader);
  const bool in_use = IsInUse(library, reader);
  const auto start = steady_clock::now();
  const Result<Protocols> connected = connection.Connect(reader, ShareMode::kShared, kT0 | kT1, operation);
  if (!connected) return connected.error();
  const Result<BeginOutcome> begun = connection.Begin(OnReset::kReconnect, operation);
  if (!begun) return begun.error();
  Hold hold;
  hold.waited = in_line || begun.value().waited || (in_use && steady_clock::now() - start >= kNobodyWaited);
  Result<CardStatus> card = connection.GetStatus(operation);
  if (!card) return card.error();
  hold.atr = std::move(card->atr);
  return hold;
}

}  // namespace

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
  const std::string reader = parameters.Reader();
  const auto timeout = parameters.Timeout();
  const Result<const Library*> library = Library::Load();
  if (!library) return request->Fail(library.error());
  const std::shared_ptr<Channel> channel = Channel::Create(*library.value());
  request->Attach(
      channel->Submit<agent::Hold>(
          [reader, &service = *library.value()](Connection& connection, Operation& operation) {
            return ConnectAndBegin(service, reader, connection, operation);
          },
          [cards = cards_, request, reader, channel](const Result<agent::Hold>& hold) {
            if (!hold) {
              channel->Close(Disposition::kLeave);
              Error error = hold.error();
              if (error.reader.empty()) error.reader = reader;
              request->Fail(error);
              return;
            }
            const std::uint64_t number = cards->Add(std::make_shared<HeldCard>(HeldCard{reader, channel}));
            if (number == 0) {
              channel->Close(Disposition::kReset);
              request->Fail(Operation::CancelledError());
              return;
            }
            request->Succeed(
                {{"card", number}, {"waited", hold.value().waited}, {"atr", ToHex(hold.value().atr)}});
          }),
      timeout);
}

void UserRole::Exchange(const Parameters& parameters, const RequestPtr& request) {
  const std::uint64_t number = parameters.Number("card", kLargestNumber);
  const std::shared_ptr<HeldCard> held = cards_->Find(number, "card");
  ExchangeOn(*held->channel, held->reader, parameters, request, [cards = cards_, number] {
    if (const std::shared_ptr<HeldCard> gone = cards->TakeIfThere(number)) {
      gone->channel->Close(Disposition::kReset);
    }
  });
}

void UserRole::Release(const Parameters& parameters, const RequestPtr& request) {
  const Disposition disposition = parameters.EndsWith();
  const std::shared_ptr<HeldCard> held = cards_->Take(parameters.Number("card", kLargestNumber), "card");
  request->Attach(held->channel->Submit<Done>(
      [disposition](Connection& connection, Operation& operation) {
        return connection.Disconnect(disposition, operation);
      },
      [held, request](const Result<Done>& released) {
        // Where it was given up before its turn the card is still held.
        held->channel->Close(released ? Disposition::kLeave : Disposition::kReset);
        if (released) {
          request->Succeed(Json::object());
        } else {
          request->Fail(released.error());
        }
      }));
}

void UserRole::Close(std::shared_ptr<void> last) {
  for (const auto& [number, held] : cards_->TakeAll(true)) {
    held->channel->Close(Disposition::kReset, [last] {});
  }
}

}  // namespace pcsc_bridge::agent
