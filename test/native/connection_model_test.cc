// Connections of several owners on shared readers, with every kind of fault, at random.
#include <doctest/doctest.h>

#include <random>

#include "connection_fixture.h"

using namespace pcsc_bridge;
using namespace pcsc_bridge::test;

namespace {

const std::vector<std::string> kReaders{"A", "B"};
const std::vector<Status> kFailures{status::kCommError, status::kResetCard, status::kProtoMismatch,
                                    status::kSharingViolation, status::kRemovedCard};
const std::vector<std::string> kCalls{"connect", "reconnect", "disconnect", "begin",
                                      "end",     "status",    "transmit",   "control"};

class Model {
 public:
  explicit Model(std::uint32_t seed) : random_(seed) {
    for (const std::string& reader : kReaders) world_.reader(reader);
    // The last user is not guarded. The first two use the card as the card cache does, by Claim.
    for (std::uint32_t id = 0; id < 7; ++id) {
      User user;
      user.name = std::string(1, static_cast<char>('a' + id));
      user.owner = CardOwner{{id, 100, 0}, id != 6, false};
      user.claims = id < 2;
      users_.push_back(std::move(user));
    }
    for (User& user : users_) Renew(user);
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Act(users_[Pick(users_.size())]);
      if (Chance(6)) Disturb();
      if (Chance(10)) Unstick();
      if (Chance(70)) loop_->RunDue();
    }
    Finish();
  }

 private:
  struct User {
    std::string name;
    CardOwner owner;
    bool claims = false;
    bool leased = false;  // its claim has succeeded and its transaction has not ended
    int pending = 0;
    std::shared_ptr<Scope> scope;
    std::shared_ptr<Connection> connection;
    std::vector<Connection::Handle> operations;
  };

  std::size_t Pick(std::size_t count) { return random_() % count; }
  bool Chance(unsigned percent) { return random_() % 100 < percent; }
  Disposition AnyDisposition() { return Chance(50) ? Disposition::kLeave : Disposition::kReset; }

  void Renew(User& user) {
    user.operations.clear();
    user.leased = false;
    user.scope = std::make_shared<Scope>(loop_);
    user.connection =
        Connection::Create({user.scope, backend::Always(world_), card_users_,
                            user.claims ? CardOwner{} : user.owner, [this] { return AnyDisposition(); }});
  }

  // Receives the one result of an operation, and sometimes starts something on the connection within it.
  template <class T>
  Connection::Answer<T> Once(User& user, std::function<void(const Result<T>&)> then = nullptr) {
    ++asked_;
    ++user.pending;
    return [this, &user, then, given = std::make_shared<bool>(false)](const Result<T>& result) {
      CHECK_FALSE(std::exchange(*given, true));
      ++answered_;
      --user.pending;
      if (then) then(result);
      if (!finishing_ && Chance(5)) Act(user);
    };
  }

  void Sign(User& user) {
    const auto check = [this, &user](const Result<Bytes>& response) {
      if (!response || response.value().size() <= 2) return;
      ++signatures_;
      const std::string signer = SignedBy(response.value());
      const bool guarded_signer = users_[static_cast<std::size_t>(signer[0] - 'a')].owner.guarded;
      if (user.owner.guarded && guarded_signer) CHECK(signer == user.name);
    };
    user.operations.push_back(user.connection->Transmit(test::Sign(), Once<Bytes>(user, check)));
  }

  void Claim(User& user) {
    user.leased = false;
    const std::string reader =
        user.connection->state() == Connection::State::kClosed ? Any() : user.connection->reader();
    user.operations.push_back(user.connection->Claim(
        std::make_shared<const ConnectParameters>(
            ConnectParameters{reader, ShareMode::kShared, kT1, Chance(50)}),
        kT0OrT1, [this, &user, reader] { return card_users_->MustReset(reader, user.owner); },
        Once<Connection::Claimed>(user, [this, &user, reader](const Result<Connection::Claimed>& claimed) {
          if (!claimed) return;
          user.leased = true;
          card_users_->Note(reader, user.owner.identity);
        })));
  }

  const std::string& Any() { return kReaders[Pick(kReaders.size())]; }

  void Act(User& user) {
    if (user.connection->ended()) return Renew(user);
    Connection& connection = *user.connection;
    // A lease is used only in its transaction, one operation after another.
    if (user.claims && user.pending > 0) return Chance(20) ? GiveUp(user) : void();
    if (user.claims && !(user.leased && connection.in_transaction())) return Claim(user);
    const auto keep = [&](Connection::Handle operation) { user.operations.push_back(std::move(operation)); };
    const bool closed = connection.state() == Connection::State::kClosed && user.pending == 0;
    switch (closed ? 0 : Pick(20)) {
      case 0:
      case 1:
        if (user.claims) return;
        return keep(connection.Connect(
            {Any(), Chance(90) ? ShareMode::kShared : ShareMode::kExclusive, kT1, Chance(50)},
            Once<Protocols>(user)));
      case 2:
        if (user.claims) return;
        return keep(connection.Reconnect(ShareMode::kShared, kT1, AnyDisposition(), Once<Protocols>(user)));
      case 3:
        return keep(connection.Disconnect(AnyDisposition(), Once<Done>(user)));
      case 4:
      case 5:
      case 6:
        if (user.claims) return;
        return keep(
            connection.Begin(Chance(70) ? OnReset::kReconnect : OnReset::kFail, Once<BeginOutcome>(user)));
      case 7:
      case 8:
        return keep(connection.Transmit(Verify(user.name), Once<Bytes>(user)));
      case 9:
        return Sign(user);
      case 10:
      case 11:
        return keep(connection.End(AnyDisposition(), Once<Done>(user)));
      case 12:
      case 13:
      case 14:
      case 15:
      case 16:
        return Sign(user);
      case 17:
        return keep(connection.GetStatus(Once<CardStatus>(user)));
      default:
        return GiveUp(user);
    }
  }

  void GiveUp(User& user) {
    switch (Pick(16)) {
      case 0: {
        ++asked_;
        user.connection->Close(AnyDisposition(), [this, given = std::make_shared<bool>(false)] {
          CHECK_FALSE(std::exchange(*given, true));
          ++answered_;
        });
        return Renew(user);
      }
      case 1:
        user.scope->End();
        return Renew(user);
      case 2:
        return Renew(user);  // drops the connection
      default:
        if (!user.operations.empty()) user.operations[Pick(user.operations.size())]->Cancel();
    }
  }

  // What other programs do, and what fails.
  void Disturb() {
    const std::string& reader = Any();
    const std::string& call = kCalls[Pick(kCalls.size())];
    switch (Pick(12)) {
      case 0:
        return world_.Change(reader, [](auto& card) { card.foreign_transaction = !card.transaction; });
      case 1:
      case 2:
        return world_.Change(reader, [](auto& card) { card.foreign_transaction = false; });
      case 3:
        return world_.Change(reader, [](auto& card) { card.foreign_exclusive = !card.foreign_exclusive; });
      case 4:
        if (!world_.reader(reader).transaction) world_.ResetByAnother(reader);
        return;
      case 5:
        return world_.Change(reader, [](auto& card) {
          card.present = !card.present;
          card.card += card.present ? 1 : 0;
          card.verified.clear();
        });
      case 6:
        return world_.FailNext(call, kFailures[Pick(kFailures.size())]);
      case 7:
        return world_.Stick(call, Chance(60));
      case 8:
        return world_.Stick(call, true);
      case 9:
        return world_.FailNext("reconnect", status::kCommError);
      case 10:
        world_.loses_calls = Chance(20);
        return;
      default:
        if (Chance(80)) return;
        if (Chance(50)) return world_.Hang();
        world_.Die();
        return world_.Restart();
    }
  }

  void Unstick() {
    for (const std::string& call : kCalls) world_.Unstick(call);
    world_.GoOn();
    if (Chance(20)) {
      for (const std::string& reader : kReaders) {
        world_.Change(reader, [](auto& card) {
          if (!std::exchange(card.present, true)) ++card.card;
          card.foreign_transaction = card.foreign_exclusive = false;
        });
      }
    }
  }

  void Finish() {
    finishing_ = true;
    for (const std::string& reader : kReaders) {
      world_.Change(reader, [](auto& card) { card.foreign_transaction = card.foreign_exclusive = false; });
    }
    Unstick();
    loop_->RunDue();
    for (User& user : users_) {
      user.scope->End();
      user.operations.clear();
      user.connection = nullptr;
    }
    CHECK(Eventually([&] {
      loop_->RunDue();
      return world_.contexts() == 0;
    }));
    CHECK(answered_ == asked_);
    CHECK(signatures_ > 20);
    for (const std::string& reader : kReaders) {
      CHECK_FALSE(ReaderQueue::OfProcess().IsTaken(reader));
      CHECK(world_.reader(reader).transaction == nullptr);
    }
    loop_->End();
  }

  std::mt19937 random_;
  const std::shared_ptr<Loop> loop_ = Loop::Create();
  StandInBackend world_{loop_};
  const std::shared_ptr<CardUsers> card_users_ = std::make_shared<CardUsers>();
  std::vector<User> users_;
  int asked_ = 0;
  int answered_ = 0;
  int signatures_ = 0;
  bool finishing_ = false;
};

}  // namespace

TEST_SUITE("connection: model") {
  TEST_CASE("a PIN never crosses guarded owners, no turn is lost, every operation is answered once") {
    std::vector<std::uint32_t> seeds{std::random_device()()};
    MESSAGE("random seed: ", seeds.front());
    for (std::uint32_t seed = 1; seed <= 20; ++seed) seeds.push_back(seed);
    for (const std::uint32_t seed : seeds) {
      INFO("seed ", seed);
      Model(seed).Run(10000);
    }
  }
}
