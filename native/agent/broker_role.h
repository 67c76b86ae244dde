// The role `broker`: the logon service, with one card cache for every session.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "agent/card_commands.h"
#include "agent/role.h"
#include "cache/card_cache.h"
#include "loop/scope.h"
#include "readers/monitor.h"

namespace pcsc_bridge::agent {

class BrokerRole final : public Role {
 public:
  explicit BrokerRole(std::shared_ptr<Scope> scope) : scope_(std::move(scope)) {}

  std::vector<Command> Commands() override;
  void Close(std::shared_ptr<void> last) override;

 private:
  // A lease, kept until it ends: the destructor of Lease ends it.
  struct HeldLease {
    explicit HeldLease(Lease l) : lease(std::move(l)), connection(lease.connection()) {}
    Lease lease;
    const std::shared_ptr<Connection> connection;
  };
  using Leases = HeldCards<HeldLease>;

  // One cache, and the subscription that reports removed cards to it.
  struct OpenCache {
    std::shared_ptr<CardCache> cache;
    std::shared_ptr<Monitor::Subscription> readers;
  };

  void Cache(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Acquire(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Exchange(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void End(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Entries(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Evict(const Parameters& parameters, const std::shared_ptr<Request>& request);

  // Throws Refusal if there is no cache yet.
  CardCache& Current();
  void CloseCache(const std::shared_ptr<void>& last);

  const std::shared_ptr<Scope> scope_;
  // Answers may come after the role is destroyed.
  const std::shared_ptr<Leases> leases_ = std::make_shared<Leases>();
  OpenCache open_;
};

}  // namespace pcsc_bridge::agent
