#include "stand_in_backend.h"

#include <doctest/doctest.h>

#include <array>
#include <utility>
#include <variant>

namespace pcsc_bridge::test {
namespace {

using backend::Call;
using backend::Client;
using backend::Outcome;
using backend::Reply;

template <class T>
bool Is(const Call& call) {
  return std::holds_alternative<T>(call);
}

constexpr std::array<const char*, std::variant_size_v<Call>> kNames{
    "list", "groups", "check",    "connect", "reconnect",     "disconnect",   "begin",
    "end",  "status", "transmit", "control", "get attribute", "set attribute"};

std::string NameOf(Disposition disposition) {
  constexpr std::array<const char*, 4> names{"leave", "reset", "unpower", "eject"};
  return names[static_cast<std::size_t>(disposition)];
}

std::string Describe(const Call& call) {
  const std::string name = kNames[call.index()];
  if (const auto* connect = std::get_if<backend::Connect>(&call)) return name + " " + connect->reader;
  if (const auto* reconnect = std::get_if<backend::Reconnect>(&call)) {
    return name + " " + NameOf(reconnect->initialization);
  }
  if (const auto* disconnect = std::get_if<backend::Disconnect>(&call)) {
    return name + " " + NameOf(disconnect->disposition);
  }
  if (const auto* end = std::get_if<backend::End>(&call)) return name + " " + NameOf(end->disposition);
  if (const auto* transmit = std::get_if<backend::Transmit>(&call)) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text = name + " ";
    for (std::size_t i = 0; i < 2 && i < transmit->apdu->bytes().size(); ++i) {
      const std::uint8_t byte = transmit->apdu->bytes()[i];
      text += {digits[byte >> 4], digits[byte & 15]};
    }
    return text;
  }
  return name;
}

// Whether the call waits, inside the service, for other transactions.
bool Waits(const Call& call) {
  if (const auto* disconnect = std::get_if<backend::Disconnect>(&call)) {
    return disconnect->disposition != Disposition::kLeave;
  }
  return Is<backend::Connect>(call) || Is<backend::Reconnect>(call) || Is<backend::Begin>(call) ||
         Is<backend::Status>(call) || Is<backend::Transmit>(call);
}

}  // namespace

struct StandInBackend::Context {
  std::optional<Call> call;  // in progress
  backend::Answer done;      // null once it was cancelled
  enum class Phase { kPosted, kWaiting, kStuck } phase = Phase::kPosted;
  bool lost = false;  // cancelled inside the service
  bool waited = false;
  bool retired = false;  // and not released yet
  Disposition disposition = Disposition::kLeave;
  std::function<void()> released;

  int epoch = 0;  // of the service where it was established; 0: not yet
  bool connected = false;
  std::string reader;
  int card = 0;
  ShareMode share_mode = ShareMode::kShared;
  bool was_reset = false;  // by another handle, or by its own transaction
};

struct StandInBackend::Watching {
  backend::Report report;  // null once it is dead or removed
};

class StandInBackend::ClientShell final : public Client {
 public:
  ClientShell(StandInBackend& world, ContextPtr context) : world_(world), context_(std::move(context)) {}
  ~ClientShell() override {
    if (!retired_) Retire(Disposition::kLeave, nullptr);
  }

  void Start(Call call, backend::Answer done) override {
    CHECK_MESSAGE(world_.loop_->OnThisThread(), "a call on another thread");
    CHECK_MESSAGE(!retired_, "a call after Retire");
    CHECK_MESSAGE(!context_->lost, "a call on a client that is lost");
    CHECK_MESSAGE(!context_->call, "a second call while one is under way");
    context_->call = std::move(call);
    context_->done = std::move(done);
    context_->phase = Context::Phase::kPosted;
    context_->waited = false;
    world_.loop_->Post([&world = world_, context = context_] { world.Advance(context); });
  }

  After GiveUp() override {
    CHECK_MESSAGE(!retired_, "GiveUp after Retire");
    if (!context_->call) return After::kUsable;
    return Drop();
  }

  void Retire(Disposition disposition, std::function<void()> released) override {
    CHECK_MESSAGE(world_.loop_->OnThisThread(), "Retire on another thread");
    CHECK_MESSAGE(!retired_, "Retire for the second time");
    world_.Log("retire " + NameOf(disposition));
    if (context_->call && !context_->lost) (void)Drop();
    retired_ = true;
    context_->retired = true;
    context_->disposition = disposition;
    context_->released = std::move(released);
    if (!context_->call) {
      world_.loop_->Post([&world = world_, context = context_] { world.FinishRetirement(context); });
    }
  }

 private:
  After Drop() {
    const auto dropped = std::exchange(context_->done, nullptr);
    const bool stuck = context_->phase == Context::Phase::kStuck;
    const bool waits_inside =
        context_->phase == Context::Phase::kWaiting &&
        (Is<backend::Connect>(*context_->call) || Is<backend::Disconnect>(*context_->call));
    const auto script = world_.stuck_.find(kNames[context_->call->index()]);
    const bool usable = !world_.hung_ && script != world_.stuck_.end() && script->second;
    if (world_.loses_calls || waits_inside || (stuck && !usable)) {
      context_->lost = true;
      return After::kLost;
    }
    context_->call.reset();
    return After::kUsable;
  }

  StandInBackend& world_;
  const ContextPtr context_;
  bool retired_ = false;
};

class StandInBackend::WatcherShell final : public backend::Watcher {
 public:
  WatcherShell(StandInBackend& world, std::shared_ptr<Watching> watching)
      : world_(world), watching_(std::move(watching)) {}
  ~WatcherShell() override {
    CHECK_MESSAGE(world_.loop_->OnThisThread(), "a watcher ended on another thread");
    CHECK_MESSAGE(!world_.reporting_, "a watcher ended within its report");
    watching_->report = nullptr;
    world_.watchers_.remove(watching_);
  }

 private:
  StandInBackend& world_;
  const std::shared_ptr<Watching> watching_;
};

StandInBackend::StandInBackend(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}
StandInBackend::~StandInBackend() = default;

std::unique_ptr<Client> StandInBackend::MakeClient(const std::shared_ptr<Loop>& loop) const {
  CHECK(loop == loop_);
  auto& world = const_cast<StandInBackend&>(*this);
  ++world.clients_;
  world.contexts_.push_back(std::make_shared<Context>());
  return std::make_unique<ClientShell>(world, world.contexts_.back());
}

std::unique_ptr<backend::Watcher> StandInBackend::Watch(const std::shared_ptr<Loop>& loop,
                                                        backend::Report report) const {
  CHECK(loop == loop_);
  auto& world = const_cast<StandInBackend&>(*this);
  ++world.watchers_made_;
  const auto watching = std::make_shared<Watching>(Watching{std::move(report)});
  world.watchers_.push_back(watching);
  loop_->Post([&world, watching] { world.ReportTo(watching); });
  return std::make_unique<WatcherShell>(world, watching);
}

// --- What the service does ---

void StandInBackend::Advance(const ContextPtr& context) {
  if (!context->call) {
    if (context->retired) FinishRetirement(context);
    return;
  }
  if (hung_ || stuck_.count(kNames[context->call->index()]) != 0) {
    context->phase = Context::Phase::kStuck;
    return;
  }
  if (MustWait(*context)) {
    context->phase = Context::Phase::kWaiting;
    const auto* disconnect = std::get_if<backend::Disconnect>(&*context->call);
    if (!std::exchange(context->waited, true) && context->done && disconnect && disconnect->waits) {
      const std::function<void()> waits = disconnect->waits;
      waits();
    }
    return;
  }
  Outcome outcome = Perform(*context, *context->call);
  context->call.reset();
  Changed();
  if (context->retired) return FinishRetirement(context);
  if (context->done) std::exchange(context->done, nullptr)(std::move(outcome));
}

bool StandInBackend::MustWait(const Context& context) const {
  const auto* connect = std::get_if<backend::Connect>(&*context.call);
  if (dead_ || !Waits(*context.call) || (!connect && !context.connected)) return false;
  const auto found = readers_.find(connect ? connect->reader : context.reader);
  if (found == readers_.end()) return false;
  const Context* holder = found->second.transaction;
  return found->second.foreign_transaction || (holder != nullptr && holder != &context);
}

Outcome StandInBackend::Perform(Context& context, const Call& call) {
  const std::string name = kNames[call.index()];
  Log(Describe(call));
  if (on_call) on_call(Describe(call));
  const auto fail = [&](Status code) { return Error{code, name, context.reader, ""}; };
  if (std::list<Status>& next = fail_next_[name]; !next.empty()) {
    const Status code = next.front();
    next.pop_front();
    if (code != status::kSuccess) return fail(code);
  } else if (const auto all = fail_all_.find(name); all != fail_all_.end()) {
    return fail(all->second);
  }
  if (dead_) return fail(status::kNoService);
  if (context.epoch == 0) context.epoch = epoch_;
  if (context.epoch != epoch_) return fail(status::kServiceStopped);
  Reply reply;
  if (Is<backend::ListReaders>(call)) {
    for (const auto& [reader_name, unused] : readers_) reply.names.push_back(reader_name);
    return reply;
  }
  if (Is<backend::ListReaderGroups>(call) || Is<backend::CheckContext>(call)) return reply;
  if (const auto* connect = std::get_if<backend::Connect>(&call)) return OpenHandle(context, *connect);
  return OnHandle(context, call);
}

Outcome StandInBackend::OpenHandle(Context& context, const backend::Connect& call) {
  CHECK_MESSAGE(!context.connected, "a second card on one client");
  const auto fail = [&](Status code) { return Error{code, "SCardConnect", call.reader, ""}; };
  const auto found = readers_.find(call.reader);
  if (found == readers_.end()) return fail(status::kUnknownReader);
  if (found->second.foreign_exclusive) return fail(status::kSharingViolation);
  for (const ContextPtr& other : contexts_) {
    if (!other->connected || other->reader != call.reader) continue;
    if (other->share_mode == ShareMode::kExclusive || call.share_mode == ShareMode::kExclusive) {
      return fail(status::kSharingViolation);
    }
  }
  const bool direct = call.share_mode == ShareMode::kDirect;
  if (!found->second.present && !direct) return fail(status::kNoSmartcard);
  if (!direct && !Negotiate(found->second, call.protocols)) return fail(status::kProtoMismatch);
  context.connected = true;
  context.reader = call.reader;
  context.card = found->second.card;
  context.share_mode = call.share_mode;
  context.was_reset = false;
  Reply reply;
  reply.protocol = direct ? 0 : found->second.active;
  return reply;
}

Outcome StandInBackend::OnHandle(Context& context, const Call& call) {
  const auto fail = [&](Status code) { return Error{code, kNames[call.index()], context.reader, ""}; };
  CHECK_MESSAGE(context.connected, "a call without a handle");
  if (const auto* disconnect = std::get_if<backend::Disconnect>(&call)) {
    FreeCard(context, disconnect->disposition);
    context.connected = false;
    return Reply();
  }
  const auto found = readers_.find(context.reader);
  if (found == readers_.end()) return fail(status::kReaderUnavailable);
  Reader& card = found->second;
  const auto* reconnect = std::get_if<backend::Reconnect>(&call);
  if (!card.present || (card.card != context.card && !reconnect)) return fail(status::kRemovedCard);
  Reply reply;
  reply.waited = context.waited;
  if (reconnect) {
    context.card = card.card;
    context.share_mode = reconnect->share_mode;
    if (reconnect->initialization != Disposition::kLeave) ResetCard(context.reader, &context);
    context.was_reset = false;
    if (!Negotiate(card, reconnect->protocols)) return fail(status::kProtoMismatch);
    reply.protocol = card.active;
    return reply;
  }
  if (const auto* end = std::get_if<backend::End>(&call)) {
    if (card.transaction != &context) return fail(status::kNotTransacted);
    FreeCard(context, end->disposition);
    return reply;
  }
  if (!Waits(call)) {
    const bool free = !card.foreign_transaction && (!card.transaction || card.transaction == &context);
    return free ? Outcome(reply) : fail(status::kSharingViolation);
  }
  if (context.was_reset) return fail(status::kResetCard);
  if (Is<backend::Begin>(call)) {
    CHECK_MESSAGE(card.transaction == nullptr, "a transaction within a transaction");
    card.transaction = &context;
    reply.handle_works = true;
  } else if (Is<backend::Status>(call)) {
    reply.status =
        CardStatus{CardState::kSpecific, card.active, {0x3b, static_cast<std::uint8_t>(card.card)}};
  } else {
    reply.bytes = Answer(card, std::get<backend::Transmit>(call).apdu->bytes());
  }
  return reply;
}

Bytes StandInBackend::Answer(Reader& card, const Bytes& apdu) {
  if (on_transmit) return on_transmit(apdu);
  if (apdu.at(1) == 0x20) card.verified.assign(apdu.begin() + 5, apdu.end());
  if (apdu.at(1) != 0x2a) return {0x90, 0x00};
  if (card.verified.empty()) return {0x69, 0x82};
  Bytes signature(card.verified.begin(), card.verified.end());
  signature.insert(signature.end(), {0x90, 0x00});
  return signature;
}

void StandInBackend::ResetCard(const std::string& name, const Context* by) {
  Reader& card = readers_[name];
  card.verified.clear();
  card.active = 0;
  ++card.resets;
  for (const ContextPtr& other : contexts_) {
    if (other->connected && other->reader == name && other.get() != by) other->was_reset = true;
  }
}

// T=1 before T=0. False if the card has another protocol already, or none of these.
bool StandInBackend::Negotiate(Reader& card, Protocols accepted) {
  const Protocols common = card.offered & accepted;
  if (card.active == 0) card.active = (common & kT1) != 0 ? kT1 : common & kT0;
  return (card.active & accepted) != 0;
}

// Ends the context's transaction, if there is one, and resets the card if required.
void StandInBackend::FreeCard(Context& context, Disposition disposition) {
  const auto found = readers_.find(context.reader);
  if (found == readers_.end()) return;
  if (found->second.transaction == &context) found->second.transaction = nullptr;
  if (disposition != Disposition::kLeave && found->second.present) ResetCard(context.reader, nullptr);
}

void StandInBackend::FinishRetirement(const ContextPtr& context) {
  if (hung_ || !context->retired) return;
  if (context->connected && context->epoch == epoch_) {
    const Reader& card = readers_[context->reader];
    const bool holds = card.transaction == context.get();
    const bool held = card.foreign_transaction || (card.transaction != nullptr && !holds);
    if (context->disposition != Disposition::kLeave && held) return;  // until Changed
    FreeCard(*context, holds && context->disposition == Disposition::kLeave ? Disposition::kReset
                                                                            : context->disposition);
  }
  context->connected = false;
  context->retired = false;
  contexts_.remove(context);
  if (context->released) loop_->Post(std::exchange(context->released, nullptr));
  Changed();
}

// --- The world and the script ---

void StandInBackend::Change(const std::string& name, const std::function<void(Reader&)>& change) {
  change(readers_[name]);
  Changed();
}

void StandInBackend::RemoveReader(const std::string& name) {
  readers_.erase(name);
  Changed();
}

void StandInBackend::ResetByAnother(const std::string& name) {
  ResetCard(name, nullptr);
}

void StandInBackend::FailAll(const std::string& call, Status code) {
  if (code == status::kSuccess) {
    fail_all_.erase(call);
  } else {
    fail_all_[call] = code;
  }
}

void StandInBackend::Unstick(const std::string& call) {
  stuck_.erase(call);
  Changed();
}

void StandInBackend::GoOn() {
  hung_ = false;
  Changed();
}

void StandInBackend::Die() {
  dead_ = true;
  hung_ = false;
  ++epoch_;
  for (auto& [name, card] : readers_) {
    card.transaction = nullptr;
    card.foreign_transaction = false;
    card.foreign_exclusive = false;
    card.verified.clear();
  }
  Changed();
}

void StandInBackend::Restart() {
  dead_ = false;
  Changed();
}

void StandInBackend::Changed() {
  for (const ContextPtr& context : contexts_) {
    if (context->call || context->retired) loop_->Post([this, context] { Advance(context); });
  }
  for (const std::shared_ptr<Watching>& watching : watchers_) {
    loop_->Post([this, watching] { ReportTo(watching); });
  }
}

void StandInBackend::ReportTo(const std::shared_ptr<Watching>& watching) {
  if (!watching->report || hung_) return;
  const backend::Report report = watching->report;
  reporting_ = true;
  if (dead_) {
    watching->report = nullptr;
    report(Error{status::kNoService, "SCardGetStatusChange", "", ""});
  } else {
    backend::Picture picture;
    for (const auto& [name, card] : readers_) {
      const auto state = card.present ? reader_state::kPresent : reader_state::kEmpty;
      picture.push_back({name, state, static_cast<std::uint32_t>(card.card), {}});
    }
    report(std::move(picture));
  }
  reporting_ = false;
}

void StandInBackend::Log(const std::string& line) {
  log_ += (log_.empty() ? "" : ", ") + line;
}

std::string StandInBackend::TakeLog() {
  return std::exchange(log_, "");
}

}  // namespace pcsc_bridge::test
