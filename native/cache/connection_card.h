// A cached card on a connection of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "cache/cached_card.h"
#include "card/connection.h"

namespace pcsc_bridge {

class ConnectionCard final : public CachedCard {
 public:
  ConnectionCard(ConnectParameters parameters, std::shared_ptr<Connection> connection)
      : parameters_(std::make_shared<const ConnectParameters>(std::move(parameters))),
        connection_(std::move(connection)) {}
  ~ConnectionCard() override { connection_->Close(Disposition::kLeave); }

  std::shared_ptr<Cancellable> Open(Protocols wanted, MustReset must_reset,
                                    std::function<void(Result<Claimed>)> answer) override {
    return connection_->Claim(parameters_, wanted, std::move(must_reset), std::move(answer));
  }
  std::shared_ptr<Cancellable> Evaluate(Protocols wanted, MustReset must_reset,
                                        std::function<void(Result<Claimed>)> answer) override {
    return connection_->Claim(parameters_, wanted, std::move(must_reset), std::move(answer));
  }
  void End(Disposition disposition, std::function<void(Result<Done>)> answer) override {
    connection_->End(disposition, std::move(answer));
  }
  void Close(Disposition disposition, std::function<void()> closed) override {
    connection_->Close(disposition, std::move(closed));
  }
  Waits waited() const override { return connection_->waited(); }
  bool usable() const override { return !connection_->ended(); }
  std::shared_ptr<Connection> connection() const override { return connection_; }

 private:
  const std::shared_ptr<const ConnectParameters> parameters_;
  const std::shared_ptr<Connection> connection_;
};

// Cards of a scope, connected through the provider's backend. A cached card is shared with other programs. It
// is connected with either protocol: if only the wanted one were accepted, other handles could make that
// fail.
inline CachedCardFactory ConnectionCards(std::shared_ptr<Scope> scope, backend::Provider provider,
                                         std::shared_ptr<CardUsers> users) {
  return [scope = std::move(scope), provider = std::move(provider),
          users = std::move(users)](CachedCardRequest request) -> std::shared_ptr<CachedCard> {
    ConnectParameters parameters{request.reader, ShareMode::kShared, kT0OrT1, request.waits_for_exclusive,
                                 std::move(request.about_to_connect)};
    Connection::Parts parts{scope, provider, users, CardOwner{}, std::move(request.owed_when_dropped)};
    return std::make_shared<ConnectionCard>(std::move(parameters), Connection::Create(std::move(parts)));
  };
}

}  // namespace pcsc_bridge
