// A backend for tests, in memory and scripted: readers with cards, other processes that use them, and a
// service that may hang or die. It keeps the contract of backend/backend.h and checks that its users do.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace pcsc_bridge::test {

// Lives on one loop, as its clients and watchers do. Calls are carried out when the loop runs. It outlives
// the last run of its loop; a misuse by a client fails the running test.
class StandInBackend final : public backend::Backend {
 public:
  struct Context;  // the service's state of one client

  struct Reader {
    bool present = true;
    int card = 1;                          // another number: another card
    std::string verified;                  // the identity whose PIN the card has verified; empty: none
    int resets = 0;                        // of the card
    Protocols offered = kT1;               // by the card
    Protocols active = 0;                  // chosen since its last reset
    const Context* transaction = nullptr;  // the context that has the transaction
    bool foreign_transaction = false;      // of another process
    bool foreign_exclusive = false;        // another process is connected exclusively
  };

  explicit StandInBackend(std::shared_ptr<Loop> loop);
  ~StandInBackend() override;
  const char* name() const override { return "stand-in"; }
  std::unique_ptr<backend::Client> MakeClient(const std::shared_ptr<Loop>& loop) const override;
  std::unique_ptr<backend::Watcher> Watch(const std::shared_ptr<Loop>& loop,
                                          backend::Report report) const override;

  // The world. Call Changed after a change, so that waiting calls continue.
  Reader& reader(const std::string& name) { return readers_[name]; }
  void Change(const std::string& name, const std::function<void(Reader&)>& change);
  void RemoveReader(const std::string& name);
  void ResetByAnother(const std::string& name);

  // The script. A call is named as in the log: "connect", "begin", "transmit"... The next call of this name
  // fails, or is spared with kSuccess; or every one fails, until kSuccess.
  void FailNext(const std::string& call, Status code) { fail_next_[call].push_back(code); }
  void FailAll(const std::string& call, Status code);
  // Calls of this name stay inside the service until Unstick, or end once they are cancelled. They are kLost
  // then, or kUsable if `usable`.
  void Stick(const std::string& call, bool usable = false) { stuck_[call] = usable; }
  void Unstick(const std::string& call);
  bool loses_calls = false;  // a cancelled call is lost, even if it has not reached the service
  void Hang() { hung_ = true; }
  void GoOn();
  void Die();      // every context and watcher is dead
  void Restart();  // new ones work
  // Called with the log entry of a call, when it is carried out.
  std::function<void(const std::string&)> on_call;
  // The card's responses. By default 0020 verifies the PIN of the identity that its data names, 002A returns
  // the name of the verified one or 6982, and everything else gets 9000.
  std::function<Bytes(const Bytes&)> on_transmit;

  // "connect A, begin, transmit 0020, end reset, retire leave"; with the results.
  std::string TakeLog();
  int clients() const { return clients_; }                   // made so far
  std::size_t contexts() const { return contexts_.size(); }  // not released yet
  int watchers() const { return static_cast<int>(watchers_.size()); }
  int watchers_made() const { return watchers_made_; }

 private:
  class ClientShell;
  class WatcherShell;
  struct Watching;
  using ContextPtr = std::shared_ptr<Context>;

  void Advance(const ContextPtr& context);
  bool MustWait(const Context& context) const;
  backend::Outcome Perform(Context& context, const backend::Call& call);
  backend::Outcome OnHandle(Context& context, const backend::Call& call);
  backend::Outcome OpenHandle(Context& context, const backend::Connect& call);
  Bytes Answer(Reader& card, const Bytes& apdu);
  static bool Negotiate(Reader& card, Protocols accepted);
  void ResetCard(const std::string& name, const Context* by);
  void FreeCard(Context& context, Disposition disposition);
  void FinishRetirement(const ContextPtr& context);
  void Changed();
  void ReportTo(const std::shared_ptr<Watching>& watching);
  void Log(const std::string& line);

  const std::shared_ptr<Loop> loop_;
  std::map<std::string, Reader> readers_;
  std::list<ContextPtr> contexts_;
  std::list<std::shared_ptr<Watching>> watchers_;
  std::map<std::string, std::list<Status>> fail_next_;
  std::map<std::string, Status> fail_all_;
  std::map<std::string, bool> stuck_;
  bool hung_ = false;
  bool dead_ = false;
  bool reporting_ = false;  // inside a watcher's report
  int epoch_ = 1;           // of the service
  std::string log_;
  int clients_ = 0;
  int watchers_made_ = 0;
};

}  // namespace pcsc_bridge::test
