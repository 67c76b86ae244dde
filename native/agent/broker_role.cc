#include "agent/broker_role.h"

#include <string>

#include "agent/message.h"
#include "backend/choice.h"
#include "cache/connection_card.h"
#include "cache/filter_setting.h"
#include "loop/at_last.h"
#include "loop/worker.h"

namespace pcsc_bridge::agent {
namespace {

// Gives up the end of a lease, which is not an operation of the caller, by closing the card.
class ClosesCard final : public Cancellable {
 public:
  explicit ClosesCard(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  void Cancel() override { connection_->Close(Disposition::kReset); }

 private:
  const std::shared_ptr<Connection> connection_;
};

// Resets the card and drops its entry, whatever runs on it. Once for each lease.
void GiveUp(Lease& lease, const std::shared_ptr<void>& last = nullptr) {
  lease.connection()->Close(Disposition::kReset, [last] {});
  lease.End(Disposition::kReset, [last](const Result<Done>&) {});
}

// An unknown connect time never equals another one: every request is a session of its own.
SessionIdentity OneOfItsKind(SessionIdentity identity) {
  if (identity.connect_time == 0) identity.instance = NewSessionInstance();
  return identity;
}

Json LeaseToJson(const Lease& lease, std::uint64_t number) {
  Json evaluated = Json::array();
  for (const Evaluation& evaluation : lease.evaluated()) evaluated.push_back(ToJson(evaluation));
  Json result;
  result["lease"] = number;
  result["fresh"] = lease.fresh();
  result["cardWasReset"] = lease.card_was_reset();
  result["entry"] = ToJson(lease.entry());
  result["evaluated"] = std::move(evaluated);
  return result;
}

void AnswerFilter(const RequestPtr& request) {
  const FilterSetting setting = ReadFilterSetting();
  Json result;
  result["on"] = setting.on;
  result["stored"] = setting.stored ? Json(*setting.stored) : Json();
  result["restartPending"] = setting.restart_pending;
  result["place"] = setting.place;
  request->Succeed(std::move(result));
}

}  // namespace

std::vector<Command> BrokerRole::Commands() {
  const auto bind = [this](void (BrokerRole::*run)(const Parameters&, const RequestPtr&)) {
    return [this, run](const Parameters& parameters, const RequestPtr& request) {
      (this->*run)(parameters, request);
    };
  };
  return {
      {"cache", {"filter"}, bind(&BrokerRole::Cache)},
      {"acquire", {"identity", "reader", "timeout"}, bind(&BrokerRole::Acquire)},
      {"exchange", {"lease", "apdu", "timeout"}, bind(&BrokerRole::Exchange)},
      {"end", {"lease", "disposition"}, bind(&BrokerRole::End)},
      {"entries", {}, bind(&BrokerRole::Entries)},
      {"evict", {"identity"}, bind(&BrokerRole::Evict)},
      {"filter", {}, [](const Parameters&, const RequestPtr& request) { AnswerFilter(request); }},
  };
}

CardCache& BrokerRole::Current() {
  if (!open_.cache) throw Refusal(kNoCache, "There is no card cache yet: the command cache makes one");
  return *open_.cache;
}

void BrokerRole::Cache(const Parameters& parameters, const RequestPtr& request) {
  const std::size_t choice = parameters.Choice("filter", {"on", "off", "system"});
  const bool filter = choice == 2 ? ReadFilterSetting().on : choice == 0;
  const std::shared_ptr<Monitor> monitor = Monitor::OfProcess();
  if (!monitor) {
    return request->Fail(NoLoopError());
  }
  // Answered when the cards of the previous cache have been reset, as far as that can be waited for.
  CloseCache(AtLast([request, filter] { request->Succeed({{"filter", filter ? "on" : "off"}}); }));

  CardCacheOptions options;
  options.filter = filter;
  const std::shared_ptr<CardUsers> users = CardUsers::OfProcess();
  open_.cache =
      CardCache::Create(scope_->loop(), ConnectionCards(scope_, backend::OfProcess(), users), options, users);
  open_.readers = monitor->Subscribe(scope_->loop(), [weak = std::weak_ptr<CardCache>(open_.cache)](
                                                         const Result<Monitor::Picture>& picture) {
    if (const std::shared_ptr<CardCache> cache = weak.lock()) cache->DropGoneEntries(picture);
  });
}

void BrokerRole::CloseCache(const std::shared_ptr<void>& last) {
  const OpenCache before = std::exchange(open_, {});
  if (!before.cache) return;
  for (const auto& [number, held] : leases_->TakeAll()) GiveUp(held->lease, last);
  before.cache->Close([last] {});
}

void BrokerRole::Acquire(const Parameters& parameters, const RequestPtr& request) {
  const SessionIdentity identity = OneOfItsKind(parameters.Identity());
  CacheTarget target;
  target.reader = parameters.Reader();
  const auto timeout = parameters.Timeout();
  request->Attach(Current().Acquire(identity, std::move(target), LookupOptions{},
                                    [leases = leases_, request](Result<Lease> lease) {
                                      if (!lease) return request->Fail(lease.error());
                                      const auto held = std::make_shared<HeldLease>(std::move(*lease));
                                      const std::uint64_t number = leases->Add(held);
                                      request->Succeed(LeaseToJson(held->lease, number));
                                    }),
                  timeout);
}

void BrokerRole::Exchange(const Parameters& parameters, const RequestPtr& request) {
  const std::uint64_t number = parameters.Number("lease", kLargestNumber);
  const std::shared_ptr<HeldLease> held = leases_->Find(number, "lease");
  ExchangeOn(*held->connection, held->lease.entry().reader, parameters, request, [leases = leases_, number] {
    if (const std::shared_ptr<HeldLease> gone = leases->TakeIfThere(number)) GiveUp(gone->lease);
  });
}

void BrokerRole::End(const Parameters& parameters, const RequestPtr& request) {
  const Disposition disposition = parameters.EndsWith();
  const std::shared_ptr<HeldLease> held = leases_->Take(parameters.Number("lease", kLargestNumber), "lease");
  request->Attach(std::make_shared<ClosesCard>(held->connection));
  held->lease.End(disposition, [held, request](const Result<Done>& ended) {
    if (ended) {
      request->Succeed(Json::object());
    } else {
      request->Fail(ended.error());
    }
  });
}

void BrokerRole::Entries(const Parameters&, const RequestPtr& request) {
  Json list = Json::array();
  for (const CacheEntryInfo& entry : Current().Entries()) list.push_back(ToJson(entry));
  request->Succeed({{"entries", std::move(list)}});
}

void BrokerRole::Evict(const Parameters& parameters, const RequestPtr& request) {
  const SessionIdentity identity = parameters.Identity();
  CardCache& cache = Current();
  // Answered when the cards have been reset, as far as that can be waited for.
  const auto evicted = std::make_shared<std::size_t>(0);
  const std::shared_ptr<void> last = AtLast([request, evicted] {
    request->Succeed({{"evicted", *evicted}});
  });
  *evicted = cache.Evict(identity, [last] {});
}

void BrokerRole::Close(std::shared_ptr<void> last) {
  CloseCache(last);
}

}  // namespace pcsc_bridge::agent
