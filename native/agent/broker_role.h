// The role `broker`: the logon service, with one card cache for everybody.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "agent/card_commands.h"
#include "agent/role.h"
#include "cache/card_cache.h"
#include "channel/monitor.h"

namespace pcsc_bridge::agent {

class BrokerRole final : public Role {
 public:
  std::vector<Command> Commands() override;
  void Close(std::shared_ptr<void> last) override;

 private:
  // A lease, kept until it has ended: a Lease that goes ends itself.
  struct HeldLease {
    explicit HeldLease(Lease l) : lease(std::move(l)), channel(lease.channel()) {}
    Lease lease;
    std::shared_ptr<Channel> channel;
  };
  using Leases = HeldCards<HeldLease>;

  // One cache, and the monitor that tells it of cards that go.
  struct OpenCache {
    std::shared_ptr<CardCache> cache;
    std::shared_ptr<Monitor> monitor;
    std::atomic<bool> closed{false};
  };

  void Cache(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Acquire(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Exchange(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void End(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Entries(const Parameters& parameters, const std::shared_ptr<Request>& request);
  void Evict(const Parameters& parameters, const std::shared_ptr<Request>& request);

  // Throws Refusal where there is no cache yet.
  std::shared_ptr<OpenCache> Current();
  void CloseCache(OpenCache& open, const std::shared_ptr<void>& last);

  // Answers may come when the role has gone.
  const std::shared_ptr<Leases> leases_ = std::make_shared<Leases>();
  std::mutex mutex_;
  std::shared_ptr<OpenCache> open_;
  bool closed_ = false;
};

}  // namespace pcsc_bridge::agent
