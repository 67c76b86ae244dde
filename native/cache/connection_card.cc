#include "cache/connection_card.h"

namespace pcsc_bridge {

CachedCardFactory ConnectionCards(std::shared_ptr<Scope> scope, backend::Source source,
                                  std::shared_ptr<CardUsers> users) {
  return [scope = std::move(scope), source = std::move(source),
          users = std::move(users)](CachedCardRequest request) -> std::shared_ptr<CachedCard> {
    ConnectParameters parameters{request.reader, ShareMode::kShared, kT0 | kT1, request.waits_for_exclusive,
                                 std::move(request.about_to_connect)};
    Connection::Parts parts{scope, source, users, CardOwner{}, std::move(request.owed_when_dropped)};
    return std::make_shared<ConnectionCard>(std::move(parameters), Connection::Create(std::move(parts)));
  };
}

}  // namespace pcsc_bridge
