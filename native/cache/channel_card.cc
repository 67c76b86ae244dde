#include "cache/channel_card.h"

namespace pcsc_bridge {
namespace {

// A cached card is shared with other programs and speaks whichever protocol it likes.
constexpr ShareMode kShareMode = ShareMode::kShared;
constexpr Protocols kProtocols = kT0 | kT1;

Result<CachedCard::Claim> ClaimCard(Connection& connection, const CachedCard::MustReset& must_reset,
                                    OnReset on_reset, Operation& operation, ReaderGate::Place place = {}) {
  Result<BeginOutcome> begun = connection.Begin(on_reset, operation, std::move(place));
  if (!begun) return begun.error();
  const bool reset_first = must_reset();
  if (!reset_first && begun->handle_works && !begun->card_was_reset && connection.known_atr()) {
    return CachedCard::Claim{*begun, *connection.known_atr()};
  }
  if (reset_first) {
    const Result<Protocols> active =
        connection.Reconnect(kShareMode, kProtocols, Disposition::kReset, operation);
    if (!active) {
      (void)connection.End(Disposition::kLeave);
      return active.error();
    }
  }
  Result<CardStatus> status = connection.GetStatus(operation);
  if (!status) {
    (void)connection.End(Disposition::kLeave);
    return status.error();
  }
  return CachedCard::Claim{*begun, std::move(status->atr)};
}

}  // namespace

std::shared_ptr<Cancellable> ChannelCard::Open(MustReset must_reset,
                                               std::function<void(Result<Claim>)> answer) {
  return channel_->Submit<Claim>(
      [reader = reader_, must_reset = std::move(must_reset)](Connection& connection,
                                                             Operation& operation) -> Result<Claim> {
        const Result<Protocols> connected = connection.Connect(reader, kShareMode, kProtocols, operation);
        if (!connected) return connected.error();
        return ClaimCard(connection, must_reset, OnReset::kReconnect, operation);
      },
      std::move(answer));
}

std::shared_ptr<Cancellable> ChannelCard::Evaluate(MustReset must_reset,
                                                   std::function<void(Result<Claim>)> answer) {
  return channel_->SubmitInLine<Claim>(
      reader_,
      [must_reset = std::move(must_reset)](Connection& connection, Operation& operation,
                                           ReaderGate::Place place) {
        return ClaimCard(connection, must_reset, OnReset::kFail, operation, std::move(place));
      },
      std::move(answer));
}

void ChannelCard::End(Disposition disposition, std::function<void(Result<Done>)> answer) {
  channel_->Submit<Done>(
      [disposition](Connection& connection, Operation&) { return connection.End(disposition); },
      std::move(answer));
}

CachedCardFactory ChannelCards(const Library& library) {
  return [&library](const std::string& reader) { return std::make_shared<ChannelCard>(library, reader); };
}

}  // namespace pcsc_bridge
