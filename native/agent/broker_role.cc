#include "agent/broker_role.h"

#include <utility>

#include "agent/at_last.h"
#include "agent/message.h"
#include "cache/channel_card.h"
#include "cache/filter_setting.h"

namespace pcsc_bridge::agent {
namespace {

using RequestPtr = std::shared_ptr<Request>;

constexpr std::uint64_t kLargestNumber = 9007199254740991;

// Gives up the end of a lease, which is no operation of the asker's: by the card.
class ClosesChannel final : public Cancellable {
 public:
  explicit ClosesChannel(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
  void Cancel() override { channel_->Close(Disposition::kReset); }

 private:
  const std::shared_ptr<Channel> channel_;
};

// The card is reset and its entry goes, whatever is under way on it. Once for each lease.
void GiveUp(Lease& lease, const std::shared_ptr<void>& last = nullptr) {
  lease.channel()->Close(Disposition::kReset, [last] {});
  lease.End(Disposition::kReset, [last](const Result<Done>&) {});
}

Json Describe(const Lease& lease, std::uint64_t number) {
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

std::shared_ptr<BrokerRole::OpenCache> BrokerRole::Current() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!open_) throw Refusal(kNoCache, "There is no card cache yet: the command cache makes one");
  return open_;
}

void BrokerRole::Cache(const Parameters& parameters, const RequestPtr& request) {
  const std::size_t choice = parameters.Choice("filter", {"on", "off", "system"});
  const bool filter = choice == 2 ? ReadFilterSetting().on : choice == 0;
  const Result<const Library*> library = Library::Load();
  if (!library) return request->Fail(library.error());

  const auto made = std::make_shared<OpenCache>();
  made->cache = CardCache::Create(ChannelCards(*library.value()), filter, CardUsers::OfProcess());
  made->monitor =
      Monitor::Start(*library.value(),
                     [weak = std::weak_ptr<CardCache>(made->cache)](const Result<Monitor::Picture>& picture) {
                       if (const std::shared_ptr<CardCache> cache = weak.lock()) cache->Observe(picture);
                     });
  const std::shared_ptr<void> last = AtLast([request, filter] {
    request->Succeed({{"filter", filter ? "on" : "off"}});
  });
  std::shared_ptr<OpenCache> before = made;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!closed_) std::swap(open_, before);
  }
  if (before) CloseCache(*before, last);
}

void BrokerRole::CloseCache(OpenCache& open, const std::shared_ptr<void>& last) {
  open.closed = true;
  for (const auto& [number, held] : leases_->TakeAll(false)) GiveUp(held->lease, last);
  if (open.monitor) open.monitor->Stop();
  open.cache->Close([last] {});
}

void BrokerRole::Acquire(const Parameters& parameters, const RequestPtr& request) {
  const SessionIdentity identity = parameters.Identity();
  CacheTarget target;
  target.reader = parameters.Reader();
  const auto timeout = parameters.Timeout();
  const std::shared_ptr<OpenCache> open = Current();
  request->Attach(open->cache->Acquire(identity, std::move(target),
                                       [leases = leases_, open, request](Result<Lease> lease) {
                                         if (!lease) return request->Fail(lease.error());
                                         const auto held = std::make_shared<HeldLease>(std::move(*lease));
                                         const std::uint64_t number = leases->Add(held);
                                         // Whoever closes the cache looks for leases after saying so.
                                         if (open->closed) {
                                           if (leases->TakeIfThere(number)) GiveUp(held->lease);
                                           return request->Fail(Operation::CancelledError());
                                         }
                                         request->Succeed(Describe(held->lease, number));
                                       }),
                  timeout);
}

void BrokerRole::Exchange(const Parameters& parameters, const RequestPtr& request) {
  const std::uint64_t number = parameters.Number("lease", kLargestNumber);
  const std::shared_ptr<HeldLease> held = leases_->Find(number, "lease");
  ExchangeOn(*held->channel, held->lease.entry().reader, parameters, request, [leases = leases_, number] {
    if (const std::shared_ptr<HeldLease> gone = leases->TakeIfThere(number)) GiveUp(gone->lease);
  });
}

void BrokerRole::End(const Parameters& parameters, const RequestPtr& request) {
  const Disposition disposition = parameters.EndsWith();
  const std::shared_ptr<HeldLease> held = leases_->Take(parameters.Number("lease", kLargestNumber), "lease");
  request->Attach(std::make_shared<ClosesChannel>(held->channel));
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
  for (const CacheEntryInfo& entry : Current()->cache->Entries()) list.push_back(ToJson(entry));
  request->Succeed({{"entries", std::move(list)}});
}

void BrokerRole::Evict(const Parameters& parameters, const RequestPtr& request) {
  const SessionIdentity identity = parameters.Identity();
  const std::shared_ptr<OpenCache> open = Current();
  // Answered when the cards have been reset, as far as that can be waited for.
  const auto evicted = std::make_shared<std::size_t>(0);
  const std::shared_ptr<void> last = AtLast([request, evicted] {
    request->Succeed({{"evicted", *evicted}});
  });
  *evicted = open->cache->Evict(identity, [last] {});
}

void BrokerRole::Close(std::shared_ptr<void> last) {
  std::shared_ptr<OpenCache> open;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    open = std::move(open_);
    open_ = nullptr;
  }
  if (open) CloseCache(*open, last);
}

}  // namespace pcsc_bridge::agent
